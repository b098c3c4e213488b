/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/say.h"
#include "gateway/session_internal.h"

/* One session's way from its present profile to the next. */
struct step {
	struct session *session;
	uint16_t before, after;
	bool removed; /* no file names its user any more */
	bool switched;
};

/* First pass: builds every profile that is needed beside those in force. Nothing that decides is touched. */
static int prepare(struct gateway *g, const struct policy *policy, struct step *steps, size_t *count)
{
	struct session *s, *next;
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		struct step *step = &steps[*count];
		struct profile *profile;
		*step = (struct step){.session = s, .before = s->profile};
		if (!session_has_access(g, s, policy)) {
			step->removed = true;
			++*count;
			continue;
		}
		int r = session_compile(s, policy, &profile);
		if (r < 0)
			return r;
		r = profiles_acquire(g->sessions->profiles, g->firewall, profile, 0);
		if (r < 0)
			return r;
		step->after = (uint16_t)r;
		++*count;
	}
	return 0;
}

static int step_switch(struct gateway *g, struct step *step, uint16_t profile, int64_t now)
{
	step->session->profile = profile;
	struct firewall_session element = session_element(step->session, now);
	return firewall_session_set(g->firewall, &element);
}

/* Second pass: one map element a session, each atomic for its packets. */
static int switch_over(struct gateway *g, struct step *steps, size_t count, int64_t now)
{
	for (size_t i = 0; i < count; i++) {
		if (steps[i].removed || steps[i].after == steps[i].before)
			continue;
		int r = step_switch(g, &steps[i], steps[i].after, now);
		if (r < 0) {
			steps[i].session->profile = steps[i].before;
			return r;
		}
		steps[i].switched = true;
	}
	return 0;
}

static void switch_back(struct gateway *g, struct step *steps, size_t count, int64_t now)
{
	for (size_t i = 0; i < count; i++) {
		if (!steps[i].switched)
			continue;
		int r = step_switch(g, &steps[i], steps[i].before, now);
		if (r < 0) {
			say_error("cannot give session %u its former rules back: %s; it is ended", steps[i].session->serial,
				strerror(-r));
			g->enforcement_error = r;
			steps[i].session->profile = steps[i].before;
			(void)session_end(g, steps[i].session, END_ACL_REMOVED);
			steps[i].before = 0; /* released with the session */
			steps[i].session = NULL;
		}
	}
}

int sessions_apply(struct gateway *g, struct policy *policy, unsigned *changed)
{
	size_t count = 0;
	unsigned n = 0;
	int64_t now = time_now();
	struct step *steps = calloc(sessions_count(g) + 1, sizeof *steps);
	if (!steps)
		return -ENOMEM;
	int r = prepare(g, policy, steps, &count);
	if (r < 0)
		goto undo;
	r = switch_over(g, steps, count, now);
	if (r < 0) {
		switch_back(g, steps, count, now);
		goto undo;
	}
	for (size_t i = 0; i < count; i++) {
		struct session *s = steps[i].session;
		if (steps[i].removed) {
			(void)session_end(g, s, END_ACL_REMOVED);
			n++;
			continue;
		}
		if (steps[i].switched) {
			const struct profile *before = profiles_get(g->sessions->profiles, steps[i].before);
			const struct profile *after = profiles_get(g->sessions->profiles, steps[i].after);
			if (!session_still_covers(after, before))
				(void)session_log(g, s, "session-narrowed", "acl", now);
			n++;
		}
		/* The use that prepare() took replaces the one the session had. */
		profiles_release(g->sessions->profiles, g->firewall, steps[i].before);
	}
	*changed = n;
	free(steps);
	return 0;
undo:
	for (size_t i = 0; i < count; i++)
		profiles_release(g->sessions->profiles, g->firewall, steps[i].after);
	free(steps);
	return r;
}
