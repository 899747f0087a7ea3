/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the publisher share. Private to src/log/publisher*.c.
 */
#ifndef VT_LOG_PUBLISHER_PARTS_H
#define VT_LOG_PUBLISHER_PARTS_H

#include "http/client.h"
#include "log/publisher.h"

/* One who is asked: a URL, by which one or several of the policy's witnesses answer (a witness
 * with an Ed25519 and an ML-DSA-44 key is two of them). */
struct vt_ask {
    const char *url;
    uint64_t old_size; /* what it is believed to know */
    unsigned tries;
    unsigned late;         /* rounds in a row in which it held others up */
    unsigned refused;      /* refusals in a row that the next round will not change */
    int64_t not_before_ms; /* until then it is left out, while others make the quorum */
    size_t call;           /* which call of the round is its own, unless it is settled */
    bool settled;          /* its answer of this round was dealt with, or it is left out */
    struct vt_buf body;
};

/* A witness of the policy and its line of this round. */
struct vt_ask_line {
    const struct vt_policy_party *witness;
    size_t ask;
    bool there;
    struct vt_buf text;
    enum vt_witness_answer said; /* why it did not cosign, as last logged; COSIGNED: nothing */
    int64_t said_ms;
};

struct vt_publisher {
    struct vt_log_writer *writer;
    const struct vt_policy *policy;
    struct vt_signer *signer;
    struct vt_publisher_opts opts;
    struct vt_http *http;
    struct vt_ask ask[VT_POLICY_PARTIES_MAX];
    struct vt_http_call call[VT_POLICY_PARTIES_MAX];
    size_t n;     /* of ask */
    size_t calls; /* of call, in this round */
    struct vt_ask_line line[VT_POLICY_PARTIES_MAX];
    size_t line_count;
    struct vt_http_batch *batch; /* a round is under way */
    int64_t began_ms;
    int64_t quorum_ms; /* when the quorum was there; 0: not yet */
    bool news;         /* cosignatures not published yet */
    bool published_any;
    uint64_t published;
    int64_t published_ms;
    int64_t not_before_ms;
    int64_t backoff_ms;
    struct vt_publisher_numbers numbers;
};

/* Sorts the policy's witnesses by their URLs. */
void vt_ask_set_up(struct vt_publisher *p);
void vt_ask_release(struct vt_publisher *p);
/* Whether ask i is left out of a round that begins now: it has refused, and is asked less and
 * less often, for as long as rounds find their quorum without it. */
bool vt_ask_is_left_out(const struct vt_publisher *p, size_t i);
/* Makes the body of ask i's call for the checkpoint that was signed last. */
VT_MUST enum vt_err vt_ask_question(struct vt_publisher *p, size_t i, struct vt_why *why);
/* Deals with ask i's answer: keeps its lines, asks again, or logs why not. */
void vt_ask_take_answer(struct vt_publisher *p, size_t i);

#endif
