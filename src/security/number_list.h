/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of numbers as the kernel writes CPUs and memory nodes: "0-3,7". Only for this folder. */
#ifndef BERTH_SECURITY_NUMBER_LIST_H
#define BERTH_SECURITY_NUMBER_LIST_H

#include <limits.h>
#include <stddef.h>

#define NUMBER_LIST_BITS 1024
#define NUMBER_LIST_LONGS (NUMBER_LIST_BITS / (sizeof(unsigned long) * CHAR_BIT))

/* A set of numbers in the form of the kernel's bit masks. */
struct number_list {
	unsigned long bits[NUMBER_LIST_LONGS];
};

/* Strict: the whole string, no blanks, no empty part. Returns 0, -EINVAL, or -ERANGE where a number
 * does not fit. */
int number_list_parse(const char *text, struct number_list *ret);

#endif
