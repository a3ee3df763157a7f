/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: one JSON line each, appended to RUN/events.jsonl by whoever did it. */
#ifndef BERTH_ENGINE_EVENT_H
#define BERTH_ENGINE_EVENT_H

#include "engine/engine.h"
#include "oci/spec.h"

/* Appends {"time":NS,"type":"container","action":"start","id":..,"name":..,"attributes":{..}} with one
 * write. type: container, image, volume, network. A failure is no error of the operation: it is
 * logged. The file is moved to events.1.jsonl at 8 MiB. */
void event_emit(const struct engine *g, const char *type, const char *action, const char *id,
		const char *name, const struct oci_pairs *attributes);

#endif
