/* SPDX-License-Identifier: BSD-3-Clause */
/* A library with one function and one number, for references to a module that is not the program.
 */
int MODULE_FUNCTION(void);
extern int module_number;

int module_number = 4711;

int MODULE_FUNCTION(void)
{
    return module_number;
}
