# SPDX-License-Identifier: BSD-3-Clause
"""Workers take tasks from a queue and say when each is done; the main process waits until all of them are."""

import multiprocessing

WORKERS = 3
TASKS = 10


def work(tasks, done):
    while (task := tasks.get()) is not None:
        print(f"{multiprocessing.current_process().name} : task {task} done, {task} * {task} = {task * task}")
        with done.get_lock():
            done.value += 1
        tasks.task_done()
    tasks.task_done()


if __name__ == "__main__":
    tasks = multiprocessing.JoinableQueue()
    done = multiprocessing.Value("i", 0)
    workers = [multiprocessing.Process(target=work, args=(tasks, done), name=f"worker-{i}") for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for task in range(TASKS):
        tasks.put(task)
    for _ in workers:
        tasks.put(None)
    tasks.join()
    completed = done.value
    for worker in workers:
        worker.join()
    print(f"the queue is joined: {completed} of {TASKS} tasks are done")
