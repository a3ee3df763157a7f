/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder at work: a sample of the container's groups every second. */
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "bin/berth-monitor/monitor.h"

enum { SECOND_MS = 1000 };

static int forget_pages(struct dl_phdr_info *info, size_t size, void *unused)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)unused;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t begin = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t end = info->dlpi_addr + p->p_vaddr + p->p_memsz;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			madvise((void *)begin, (end - begin) & ~(page - 1), MADV_DONTNEED);
	}
	return 0;
}

void pages_forget(void)
{
	dl_iterate_phdr(forget_pages, NULL);
}

void recording_begin(struct monitor *m)
{
	sampler_open(&m->sampler, &m->creation.cgroup,
		     sampler_net_pid(m->record.network, m->status.pid));
	on_timer_sample(m);
}

static void add_sample(struct monitor *m)
{
	struct sample now;
	struct err why = {0};

	if (m->recorder.fd < 0 &&
	    recorder_create(&m->recorder, m->dir_fd, m->status.started_ns, &why) < 0) {
		log_warning("%s", why.text);
		sampler_close(&m->sampler);
		return;
	}
	sampler_read(&m->sampler, &now);
	life_notice_oom(m, (int64_t)now.oom_kills);
	/* A full disk ends no container; the next sample may find room again. */
	(void)recorder_add(&m->recorder, &now);
}

void on_timer_sample(struct monitor *m)
{
	if (!m->sampler.is_open)
		return;
	add_sample(m);
	/* All monitors of the machine wake in the same moment of a second: the processor sleeps on in
	 * between. */
	pages_forget();
	m->timers[TIMER_SAMPLE] = (now_ms() / SECOND_MS + 1) * SECOND_MS;
}

void recording_end(struct monitor *m)
{
	timer_clear(m, TIMER_SAMPLE);
	if (m->sampler.is_open)
		add_sample(m);
	sampler_close(&m->sampler);
	recorder_close(&m->recorder);
}
