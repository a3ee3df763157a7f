/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the tables of system call names and numbers, as libseccomp knows them, as a C header. */

/*
 * Theory of operation
 *
 * libseccomp cannot list its names, but it can name a number: all numbers of all architectures are
 * asked, the union of the names is sorted, and each architecture gets a column of 16-bit numbers.
 * A column holds numbers relative to the base of the architecture (mips 4000, x32 0x40000000);
 * from 1000 on they mean the private calls of arm (0x0f0000 + number - 1000). Calls which are newer
 * than the library have one number everywhere and come from the list below.
 */
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1024
#define NUMBERS 1000
#define ARM_PRIVATE 0x0f0000
#define NONE 0xffff
#define SLOTS 2048

struct column {
	const char *name;
	uint32_t token;
	uint32_t base;
};

static const struct column columns[] = {
	{"X86", SCMP_ARCH_X86, 0},
	{"X86_64", SCMP_ARCH_X86_64, 0},
	{"X32", SCMP_ARCH_X32, 0x40000000},
	{"ARM", SCMP_ARCH_ARM, 0},
	{"AARCH64", SCMP_ARCH_AARCH64, 0},
	{"MIPS", SCMP_ARCH_MIPS, 4000},
	{"MIPS64", SCMP_ARCH_MIPS64, 5000},
	{"MIPS64N32", SCMP_ARCH_MIPS64N32, 6000},
	{"PPC", SCMP_ARCH_PPC, 0},
	{"PPC64", SCMP_ARCH_PPC64, 0},
	{"S390", SCMP_ARCH_S390, 0},
	{"S390X", SCMP_ARCH_S390X, 0},
	{"PARISC", SCMP_ARCH_PARISC, 0},
	{"PARISC64", SCMP_ARCH_PARISC64, 0},
	{"RISCV64", SCMP_ARCH_RISCV64, 0},
#ifdef SCMP_ARCH_LOONGARCH64
	{"LOONGARCH64", SCMP_ARCH_LOONGARCH64, 0},
#endif
#ifdef SCMP_ARCH_M68K
	{"M68K", SCMP_ARCH_M68K, 0},
#endif
#ifdef SCMP_ARCH_SH
	{"SH", SCMP_ARCH_SH, 0},
#endif
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* One number for all architectures (kernel: scripts/syscall.tbl). */
static const struct {
	const char *name;
	uint16_t nr;
} newer[] = {
	{"process_mrelease", 448},  {"futex_waitv", 449},      {"set_mempolicy_home_node", 450},
	{"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
	{"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
	{"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
	{"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
	{"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
	{"file_setattr", 469},
};

#define NEWER (sizeof(newer) / sizeof(newer[0]))

static char *names[NAMES_MAX];
static size_t n_names;
static uint16_t numbers[COLUMNS][NAMES_MAX];

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void name_add(const char *name)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(names[i], name))
			return;
	if (n_names == NAMES_MAX) {
		fputs("gen-syscalls: too many names\n", stderr);
		exit(1);
	}
	names[n_names++] = strdup(name);
}

static size_t name_index(const char *name)
{
	char **p = bsearch(&name, names, n_names, sizeof(names[0]), name_compare);

	return (size_t)(p - names);
}

static uint32_t column_number(const struct column *c, unsigned v)
{
	return v < NUMBERS ? c->base + v : ARM_PRIVATE + v - NUMBERS;
}

static void names_collect(void)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		for (unsigned v = 0; v < NUMBERS + 16; v++) {
			char *s = seccomp_syscall_resolve_num_arch(
				columns[c].token, (int)column_number(&columns[c], v));

			if (s)
				name_add(s);
			free(s);
		}
	}
	for (size_t i = 0; i < NEWER; i++)
		name_add(newer[i].name);
	qsort(names, n_names, sizeof(names[0]), name_compare);
}

static void numbers_collect(void)
{
	memset(numbers, 0xff, sizeof(numbers));
	for (size_t c = 0; c < COLUMNS; c++) {
		for (unsigned v = 0; v < NUMBERS + 16; v++) {
			char *s = seccomp_syscall_resolve_num_arch(
				columns[c].token, (int)column_number(&columns[c], v));

			if (s)
				numbers[c][name_index(s)] = (uint16_t)v;
			free(s);
		}
		for (size_t i = 0; i < NEWER; i++)
			numbers[c][name_index(newer[i].name)] = newer[i].nr;
		/* A second name of a number is found only from the name. */
		for (size_t i = 0; i < n_names; i++) {
			int nr = seccomp_syscall_resolve_name_arch(columns[c].token, names[i]);
			uint32_t v = (uint32_t)nr - columns[c].base;

			if (nr >= 0 && v < NUMBERS && numbers[c][i] == NONE)
				numbers[c][i] = (uint16_t)v;
		}
	}
}

static void names_print(void)
{
	unsigned offset = 0;

	printf("#define SYSCALL_NAMES %zu\n\nstatic const char syscall_names[] =\n", n_names);
	for (size_t i = 0; i < n_names; i++)
		printf("\t\"%s\\0\"\n", names[i]);
	printf("\t;\n\nstatic const uint16_t syscall_offsets[] = {\n");
	for (size_t i = 0; i < n_names; i++) {
		printf("\t%u,\n", offset);
		offset += (unsigned)strlen(names[i]) + 1;
	}
	printf("};\n\n");
}

/* FNV-1a with open addressing; src/security/syscalls.c looks up in the same way. */
static void slots_print(void)
{
	static uint16_t slots[SLOTS];

	memset(slots, 0xff, sizeof(slots));
	for (size_t i = 0; i < n_names; i++) {
		uint32_t h = 2166136261u;

		for (const char *p = names[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 16777619u;
		h ^= h >> 16;
		while (slots[h % SLOTS] != NONE)
			h++;
		slots[h % SLOTS] = (uint16_t)i;
	}
	printf("#define SYSCALL_SLOTS %d\n\nstatic const uint16_t syscall_slots[] = {", SLOTS);
	for (size_t i = 0; i < SLOTS; i++)
		printf("%s%u,", i % 16 ? " " : "\n\t", slots[i]);
	printf("\n};\n\n");
}

static void columns_print(void)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		int sock = seccomp_syscall_resolve_name_arch(columns[c].token, "socket");
		int ipc = seccomp_syscall_resolve_name_arch(columns[c].token, "semop");

		printf("#define SYSCALL_COLUMN_%s %zu\n", columns[c].name, c);
		printf("#define SYSCALL_MUX_%s %d\n", columns[c].name,
		       (sock <= -100 && sock >= -120) | (ipc <= -200 && ipc >= -224) << 1);
	}
	printf("\nstatic const uint16_t syscall_numbers[][SYSCALL_NAMES] = {\n");
	for (size_t c = 0; c < COLUMNS; c++) {
		printf("\t{ /* %s */", columns[c].name);
		for (size_t i = 0; i < n_names; i++)
			printf("%s%u,", i % 16 ? " " : "\n\t\t", numbers[c][i]);
		printf("\n\t},\n");
	}
	printf("};\n\n");
}

/* The calls that went through socketcall(2) and ipc(2): libseccomp's own numbers on x86 are -100 - n
 * and -200 - n. */
static void mux_print(void)
{
	printf("static const struct {\n\tuint16_t name;\n\tuint8_t is_ipc, call;\n"
	       "} syscall_mux[] = {\n");
	for (size_t i = 0; i < n_names; i++) {
		int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, names[i]);

		if (nr < -100 && nr >= -120)
			printf("\t{ %zu, 0, %d }, /* %s */\n", i, -nr - 100, names[i]);
		else if (nr < -200 && nr >= -224)
			printf("\t{ %zu, 1, %d }, /* %s */\n", i, -nr - 200, names[i]);
	}
	printf("};\n\n#define SYSCALL_SOCKETCALL %zu\n#define SYSCALL_IPC %zu\n",
	       name_index("socketcall"), name_index("ipc"));
}

int main(void)
{
	const struct scmp_version *v = seccomp_version();

	names_collect();
	numbers_collect();
	printf("/* Generated by tools/gen-syscalls from libseccomp %u.%u.%u: do not edit. */\n\n",
	       v->major, v->minor, v->micro);
	names_print();
	slots_print();
	columns_print();
	mux_print();
	return 0;
}
