/* SPDX-License-Identifier: Apache-2.0 */
/* Protection of our own binary against what runs inside containers. */
#ifndef BERTH_RUNTIME_EXE_H
#define BERTH_RUNTIME_EXE_H

struct err;

/*
 * Security: a container may execute /proc/self/exe and so get a handle on the program that started
 * it, which it could write to once nobody runs it any more (CVE-2019-5736). Programs that enter
 * containers therefore run from a read-only mount of themselves that is attached nowhere, so that
 * nobody can make it writable, or, where such a mount cannot be made, from a sealed copy in memory.
 */

/* Re-executes the caller in that way unless it already runs so. argv as given to main. Returns 0 in
 * the new program, or -errno in the original. */
int exe_seal(char **argv, struct err *e);

#endif
