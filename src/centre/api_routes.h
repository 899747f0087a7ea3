/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions that a reader answers: a table of patterns, each with the parameters that it
 * takes. Private to the reading room.
 */
#ifndef VT_CENTRE_API_ROUTES_H
#define VT_CENTRE_API_ROUTES_H

struct vt_answer;
struct vt_api;
struct vt_ask;
struct vt_buf;

/* Answers one GET. Whatever goes wrong is an answer too. */
void vt_api_answer(
    struct vt_api *a, const struct vt_ask *ask, struct vt_answer *ret, struct vt_buf *body);

#endif
