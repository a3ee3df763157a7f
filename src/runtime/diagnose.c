/* SPDX-License-Identifier: Apache-2.0 */
/* Why an exec failed, when errno alone misleads. */
#include "runtime/diagnose.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/sys.h"

#if defined(__x86_64__)
#define NATIVE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#else
#define NATIVE_MACHINE EM_NONE
#endif

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{EM_386, "386"},     {EM_X86_64, "amd64"}, {EM_ARM, "arm"},     {EM_AARCH64, "arm64"},
	{EM_PPC64, "ppc64"}, {EM_S390, "s390x"},   {EM_RISCV, "riscv"}, {EM_MIPS, "mips"},
};

static const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another machine";
}

/* The interpreter that an ELF file asks for, into name; 0 where there is none. */
static size_t elf_interpreter(int fd, const Elf64_Ehdr *h, char *name, size_t size)
{
	for (unsigned i = 0; i < h->e_phnum && i < 64; i++) {
		Elf64_Phdr ph;
		ssize_t n;

		if (pread(fd, &ph, sizeof(ph), (off_t)(h->e_phoff + i * sizeof(ph))) != sizeof(ph))
			return 0;
		if (ph.p_type != PT_INTERP || ph.p_filesz >= size)
			continue;
		n = pread(fd, name, ph.p_filesz, (off_t)ph.p_offset);
		if (n <= 0)
			return 0;
		name[n] = '\0';
		return (size_t)n;
	}
	return 0;
}

static int diagnose_script(const char *path, const char *head, int r, struct err *e)
{
	size_t start = 2 + strspn(head + 2, " \t"), n = strcspn(head + start, " \t\r\n");

	if (head[start + n] == '\r')
		return err_say(e, r,
			       "exec: \"%s\": the script's first line ends in CRLF, so its "
			       "interpreter \"%.*s\\r\" is no such file or directory: convert "
			       "the line ends",
			       path, (int)n, head + start);
	if (r == -ENOENT)
		return err_say(e, r,
			       "exec: \"%s\": its interpreter %.*s: no such file or directory",
			       path, (int)n, head + start);
	return err_sys(e, r, "exec: \"%s\" (interpreter %.*s)", path, (int)n, head + start);
}

int diagnose_exec(const char *path, int r, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	union {
		char text[257];
		Elf64_Ehdr elf;
	} head = {{0}};
	struct statvfs vfs;
	char interpreter[256];

	if (fd >= 0 && read(fd, head.text, sizeof(head.text) - 1) > 0) {
		if (head.text[0] == '#' && head.text[1] == '!')
			return diagnose_script(path, head.text, r, e);
		if (memcmp(head.text, ELFMAG, SELFMAG) == 0 && r == -ENOEXEC &&
		    head.elf.e_machine != NATIVE_MACHINE)
			return err_say(e, r,
				       "exec: \"%s\": exec format error: it is built for %s, "
				       "this machine is %s",
				       path, machine_name(head.elf.e_machine),
				       machine_name(NATIVE_MACHINE));
		if (memcmp(head.text, ELFMAG, SELFMAG) == 0 && r == -ENOENT &&
		    head.elf.e_ident[EI_CLASS] == ELFCLASS64 &&
		    elf_interpreter(fd, &head.elf, interpreter, sizeof(interpreter)))
			return err_say(e, r,
				       "exec: \"%s\": its interpreter %s: no such file or "
				       "directory",
				       path, interpreter);
	}
	if (r == -EACCES && statvfs(path, &vfs) == 0 && (vfs.f_flag & ST_NOEXEC))
		return err_say(e, r,
			       "exec: \"%s\": permission denied: its file system is mounted "
			       "noexec",
			       path);
	return err_sys(e, r, "exec: \"%s\"", path);
}
