/* SPDX-License-Identifier: Apache-2.0 */
/* Clean-up on the declaring line: what a variable holds is released when it goes out of scope. */
#ifndef BERTH_BASE_AUTO_H
#define BERTH_BASE_AUTO_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void auto_close_fn(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void auto_free_fn(void *p)
{
	free(*(void **)p);
}

static inline void auto_closedir_fn(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void auto_fclose_fn(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define auto_close __attribute__((cleanup(auto_close_fn)))       /* int fd; closed is -EBADF */
#define auto_free __attribute__((cleanup(auto_free_fn)))         /* malloc'd pointer */
#define auto_closedir __attribute__((cleanup(auto_closedir_fn))) /* DIR * */
#define auto_fclose __attribute__((cleanup(auto_fclose_fn)))     /* FILE * */

/* Hands the value over to the caller; the variable's clean-up then does nothing. */
#define TAKE_FD(fd)                        \
	({                                 \
		int *take_fd_ = &(fd);     \
		int taken_fd_ = *take_fd_; \
		*take_fd_ = -EBADF;        \
		taken_fd_;                 \
	})
#define TAKE_PTR(p)                                    \
	({                                             \
		__typeof__(p) *take_ptr_ = &(p);       \
		__typeof__(p) taken_ptr_ = *take_ptr_; \
		*take_ptr_ = NULL;                     \
		taken_ptr_;                            \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
