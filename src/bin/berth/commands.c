/* SPDX-License-Identifier: Apache-2.0 */
/* Every command of berth, in the order of the list. */
#include "bin/berth/command.h"

#define DECLARE(name) extern const struct command cmd_##name;
#define ENTRY(name) &cmd_##name,

#define CONTAINER_COMMANDS(X) \
	X(run)                \
	X(create)             \
	X(start)              \
	X(stop)               \
	X(restart)            \
	X(kill)               \
	X(pause)              \
	X(unpause)            \
	X(wait)               \
	X(top)                \
	X(stats)              \
	X(container_stats)    \
	X(port)               \
	X(rename)             \
	X(cp)                 \
	X(diff)               \
	X(update)             \
	X(why)                \
	X(limits)             \
	X(ns)                 \
	X(container_prune)    \
	X(inspect)            \
	X(container_inspect)  \
	X(ps)                 \
	X(container_ls)       \
	X(container_list)     \
	X(rm)                 \
	X(exec)               \
	X(attach)             \
	X(logs)               \
	X(remove)

#define POOL_COMMANDS(X) \
	X(pool_create)   \
	X(pool_ls)       \
	X(pool_list)     \
	X(pool_inspect)  \
	X(pool_update)   \
	X(pool_rm)       \
	X(pool_remove)   \
	X(pool_tree)

#define IMAGE_COMMANDS(X) \
	X(images)         \
	X(image_ls)       \
	X(image_list)     \
	X(image_inspect)  \
	X(history)        \
	X(image_history)  \
	X(tag)            \
	X(image_tag)      \
	X(rmi)            \
	X(image_rm)       \
	X(image_remove)   \
	X(image_prune)

#define VOLUME_COMMANDS(X) \
	X(volume_create)   \
	X(volume_ls)       \
	X(volume_list)     \
	X(volume_inspect)  \
	X(volume_rm)       \
	X(volume_remove)   \
	X(volume_prune)

#define NETWORK_COMMANDS(X)   \
	X(network_create)     \
	X(network_ls)         \
	X(network_list)       \
	X(network_inspect)    \
	X(network_rm)         \
	X(network_remove)     \
	X(network_prune)      \
	X(network_connect)    \
	X(network_disconnect) \
	X(network_reload)

#define SYSTEM_COMMANDS(X) \
	X(events)          \
	X(system_events)   \
	X(info)            \
	X(system_info)     \
	X(doctor)          \
	X(system_boot)     \
	X(system_df)       \
	X(system_prune)    \
	X(version)         \
	X(completion)      \
	X(complete)        \
	X(man)

/* Those of berth-image, which has the libraries: name, group, help. Its own tables say the rest. */
#define HANDED_OVER(X)                                                                     \
	X(pull, "pull", "images", "Fetch an image from a registry", false)                 \
	X(push, "push", "images", "Send an image to a registry", false)                    \
	X(login, "login", "images", "Log in to a registry", false)                         \
	X(logout, "logout", "images", "Log out from a registry", false)                    \
	X(load, "load", "images", "Load images from an archive", false)                    \
	X(save, "save", "images", "Save images to an archive", false)                      \
	X(import, "import", "images", "Make an image from a tar of its root", false)       \
	X(export, "export", "containers", "Write a container's root as tar", false)        \
	X(commit, "commit", "containers", "Make an image from a container", false)         \
	X(image_pull, "image pull", "images", "Fetch an image from a registry", true)      \
	X(image_push, "image push", "images", "Send an image to a registry", true)         \
	X(image_load, "image load", "images", "Load images from an archive", true)         \
	X(image_save, "image save", "images", "Save images to an archive", true)           \
	X(image_import, "image import", "images", "Make an image from a tar", true)        \
	X(container_export, "container export", "containers", "Write a root as tar", true) \
	X(container_commit, "container commit", "containers", "Make an image from it", true)

#define DEFINE_HANDED_OVER(id, words, where, text, hidden)             \
	static const struct command cmd_##id = {.name = (words),       \
						.usage = "",           \
						.help = (text),        \
						.group = (where),      \
						.is_hidden = (hidden), \
						.program = "berth-image"};
#define HANDED_OVER_ENTRY(id, words, where, text, hidden) &cmd_##id,

CONTAINER_COMMANDS(DECLARE)
POOL_COMMANDS(DECLARE)
IMAGE_COMMANDS(DECLARE)
VOLUME_COMMANDS(DECLARE)
NETWORK_COMMANDS(DECLARE)
SYSTEM_COMMANDS(DECLARE)
HANDED_OVER(DEFINE_HANDED_OVER)

const struct command *const commands[] = {
	CONTAINER_COMMANDS(ENTRY) POOL_COMMANDS(ENTRY) IMAGE_COMMANDS(ENTRY) VOLUME_COMMANDS(ENTRY)
		NETWORK_COMMANDS(ENTRY) HANDED_OVER(HANDED_OVER_ENTRY) SYSTEM_COMMANDS(ENTRY) NULL,
};
