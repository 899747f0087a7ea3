/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/keeper_msg.h"

#include "vault/ring.h"

#include <stdlib.h>
#include <string.h>

#define SEAL_FIXED (VT_SEGMENT_ID_SIZE + 1 + VT_REGION_MAX + 1 + VT_WORD_MAX + 12)

const struct vt_msg_rule vt_keeper_requests[] = {
    {VT_KEEPER_HELLO, 0},
    {VT_KEEPER_STATUS, 0},
    {VT_KEEPER_SET_POLICY, VT_EVIDENCE_MAX},
    {VT_KEEPER_REGION_NEW, 1 + VT_REGION_MAX},
    {VT_KEEPER_SEAL_KEYS, SEAL_FIXED + VT_KEEPER_SUBJECTS_MAX *VT_SUBJECT_SIZE},
    {VT_KEEPER_SESSION, VT_KEEPER_OPEN_MAX},
    {VT_KEEPER_OPEN_KEYS, VT_KEEPER_HEAD_MAX},
    {VT_KEEPER_END, 8},
    {VT_KEEPER_ERASE, VT_KEEPER_OPEN_MAX},
    {VT_KEEPER_RETIRE, 4},
    {VT_KEEPER_RETIRED, 8},
    {VT_KEEPER_GIVE, VT_EVIDENCE_MAX},
    {VT_KEEPER_GIVE_MORE, 0},
    {VT_KEEPER_TAKE, VT_EVIDENCE_MAX + VT_HPKE_ENC_SIZE},
    {VT_KEEPER_TAKE_MORE, 1 + VT_KEEPER_PIECE_MAX + VT_KEEPER_PIECE_SLACK},
    {VT_KEEPER_SHRED, VT_EVIDENCE_MAX},
    {VT_KEEPER_COPY, 16},
    {0, 0},
};

const char *
vt_keeper_type_name(uint16_t type)
{
    static const char *const names[VT_KEEPER_TYPE_COUNT] = {
        [VT_KEEPER_HELLO] = "hello",
        [VT_KEEPER_STATUS] = "status",
        [VT_KEEPER_SET_POLICY] = "set-policy",
        [VT_KEEPER_REGION_NEW] = "region-new",
        [VT_KEEPER_SEAL_KEYS] = "seal-keys",
        [VT_KEEPER_SESSION] = "session",
        [VT_KEEPER_OPEN_KEYS] = "open-keys",
        [VT_KEEPER_END] = "end",
        [VT_KEEPER_ERASE] = "erase",
        [VT_KEEPER_RETIRE] = "retire",
        [VT_KEEPER_RETIRED] = "retired",
        [VT_KEEPER_GIVE] = "give",
        [VT_KEEPER_GIVE_MORE] = "give-more",
        [VT_KEEPER_TAKE] = "take",
        [VT_KEEPER_TAKE_MORE] = "take-more",
        [VT_KEEPER_SHRED] = "shred",
        [VT_KEEPER_COPY] = "copy",
    };
    return type < VT_KEEPER_TYPE_COUNT && names[type] != NULL ? names[type] : "unknown";
}

void
vt_keeper_put_failure(
    struct vt_buf *b, enum vt_err err, enum vt_refusal refusal, const char *text)
{
    vt_buf_put_u32(b, (uint32_t) - (int)err);
    vt_buf_put_u16(b, (uint16_t)refusal);
    vt_buf_put(b, text, strnlen(text, VT_KEEPER_TEXT_MAX));
}

enum vt_err
vt_keeper_take_failure(
    const void *data, size_t len, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    char text[VT_KEEPER_TEXT_MAX + 1];
    uint32_t code;
    uint16_t refusal;

    if (!vt_reader_u32(&r, &code) || code == 0 || code > 99 || !vt_reader_u16(&r, &refusal) ||
        refusal >= VT_REFUSAL_COUNT || !vt_reader_cstr(&r, text, sizeof text))
        return vt_fail(why, VT_E_SYNTAX, "the keeper's answer is malformed");
    *ret_refusal = (enum vt_refusal)refusal;
    return vt_fail(why, (enum vt_err) - (int)code, "%s", text);
}

void
vt_keeper_put_text(struct vt_buf *b, const char *s)
{
    size_t len = strnlen(s, UINT8_MAX);

    vt_buf_put_u8(b, (uint8_t)len);
    vt_buf_put(b, s, len);
}

bool
vt_keeper_take_text(struct vt_reader *r, char *ret, size_t size)
{
    struct vt_reader text = {0};
    uint8_t len;

    if (!vt_reader_u8(r, &len) || !vt_reader_take(r, len, &text.p))
        return false;
    text.left = len;
    return vt_reader_cstr(&text, ret, size);
}

void
vt_keeper_put_digest(struct vt_buf *b, const struct vt_digest *d)
{
    vt_buf_put(b, d->b, VT_DIGEST_SIZE);
}

bool
vt_keeper_take_digest(struct vt_reader *r, struct vt_digest *ret)
{
    const uint8_t *p;

    if (!vt_reader_take(r, VT_DIGEST_SIZE, &p))
        return false;
    memcpy(ret->b, p, VT_DIGEST_SIZE);
    return true;
}

static void
put_part(struct vt_buf *b, const void *data, size_t len)
{
    vt_buf_put_u32(b, len > UINT32_MAX ? UINT32_MAX : (uint32_t)len);
    vt_buf_put(b, data, len);
}

static bool
take_part(struct vt_reader *r, size_t max, const void **ret, size_t *ret_len)
{
    const uint8_t *p;
    uint32_t len;

    if (!vt_reader_u32(r, &len) || len > max || !vt_reader_take(r, len, &p))
        return false;
    *ret = len > 0 ? p : NULL;
    *ret_len = len;
    return true;
}

/* u32 n ‖ evidence, u32 n ‖ passport, u32 n ‖ shares, u64 epsilon, nothing or u8[32] subject.
 */
void
vt_keeper_put_open(struct vt_buf *b, const struct vt_keeper_open *o)
{
    b->secret = true;
    put_part(b, o->evidence, o->evidence_len);
    put_part(b, o->passport, o->passport != NULL ? o->passport_len : 0);
    put_part(b, o->shares, o->shares != NULL ? o->shares_len : 0);
    vt_buf_put_u64(b, o->epsilon_spent);
    if (o->subject != NULL)
        vt_buf_put(b, o->subject, 2 * VT_SUBJECT_SIZE);
}

enum vt_err
vt_keeper_take_open(
    const void *data, size_t len, struct vt_keeper_open *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_keeper_open o = {0};

    if (!take_part(&r, VT_EVIDENCE_MAX, &o.evidence, &o.evidence_len) ||
        !take_part(&r, VT_KEEPER_PASSPORT_MAX, &o.passport, &o.passport_len) ||
        !take_part(&r, VT_SHARES_JOIN_MAX, &o.shares, &o.shares_len) ||
        !vt_reader_u64(&r, &o.epsilon_spent))
        return vt_fail(why, VT_E_SYNTAX, "what the keeper was shown is cut short");
    if (r.left > 0 && !vt_reader_take(&r, 2 * VT_SUBJECT_SIZE, &o.subject))
        return vt_fail(why, VT_E_SYNTAX, "the keeper was shown half a subject");
    if (r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "what the keeper was shown has bytes too many");
    *ret = o;
    return VT_OK;
}

void
vt_keeper_put_granted(struct vt_buf *b, const struct vt_granted *g)
{
    vt_keeper_put_digest(b, &g->request_doc);
    vt_keeper_put_digest(b, &g->grant_doc);
    vt_buf_put_u64(b, g->index);
    vt_buf_put_u64(b, g->cosigned_time);
    vt_keeper_put_text(b, g->checkpoint.origin);
    vt_buf_put_u64(b, g->checkpoint.size);
    vt_keeper_put_digest(b, &g->checkpoint.root);
    vt_buf_put_u8(b, (uint8_t)g->approver_count);
    for (size_t i = 0; i < g->approver_count; i++) {
        vt_keeper_put_text(b, g->approver[i]);
        vt_keeper_put_digest(b, &g->share[i]);
    }
}

bool
vt_keeper_take_granted(struct vt_reader *r, struct vt_granted *ret)
{
    uint8_t n;

    if (!vt_keeper_take_digest(r, &ret->request_doc) ||
        !vt_keeper_take_digest(r, &ret->grant_doc) || !vt_reader_u64(r, &ret->index) ||
        !vt_reader_u64(r, &ret->cosigned_time) ||
        !vt_keeper_take_text(r, ret->checkpoint.origin, sizeof ret->checkpoint.origin) ||
        !vt_reader_u64(r, &ret->checkpoint.size) ||
        !vt_keeper_take_digest(r, &ret->checkpoint.root) || !vt_reader_u8(r, &n) ||
        n > VT_APPROVALS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!vt_keeper_take_text(r, ret->approver[i], sizeof ret->approver[i]) ||
            !vt_keeper_take_digest(r, &ret->share[i]))
            return false;
    ret->approver_count = n;
    return true;
}

/* u64 generation before and after, u8[32] ring before and after, u64 count, u8 listed (0:
 * nothing, 1: commitments, 2: and epochs), then for each: u8[32] commitment, and of epochs u8 n
 * ‖ region, u8 n ‖ class, u32 day. */
void
vt_keeper_put_destroyed(struct vt_buf *b, const struct vt_keeper_destroyed *d, bool listed)
{
    vt_buf_put_u64(b, d->generation_before);
    vt_buf_put_u64(b, d->generation_after);
    vt_keeper_put_digest(b, &d->ring_before);
    vt_keeper_put_digest(b, &d->ring_after);
    vt_buf_put_u64(b, d->count);
    listed = listed && d->commitment != NULL;
    vt_buf_put_u8(b, !listed ? 0 : d->epoch == NULL ? 1 : 2);
    for (size_t i = 0; listed && i < d->count; i++) {
        vt_keeper_put_digest(b, &d->commitment[i]);
        if (d->epoch == NULL)
            continue;
        vt_keeper_put_text(b, d->epoch[i].region);
        vt_keeper_put_text(b, d->epoch[i].class_name);
        vt_buf_put_u32(b, d->epoch[i].day);
    }
}

static bool
take_rows(struct vt_reader *r, struct vt_keeper_destroyed *d)
{
    for (size_t i = 0; i < d->count; i++) {
        if (!vt_keeper_take_digest(r, &d->commitment[i]))
            return false;
        if (d->epoch != NULL &&
            (!vt_keeper_take_text(r, d->epoch[i].region, sizeof d->epoch[i].region) ||
                !vt_keeper_take_text(
                    r, d->epoch[i].class_name, sizeof d->epoch[i].class_name) ||
                !vt_reader_u32(r, &d->epoch[i].day)))
            return false;
    }
    return true;
}

void
vt_keeper_destroyed_release(struct vt_keeper_destroyed *d)
{
    free(d->commitment);
    free(d->epoch);
    *d = (struct vt_keeper_destroyed){0};
}

enum vt_err
vt_keeper_take_destroyed(
    struct vt_reader *r, struct vt_keeper_destroyed *ret, struct vt_why *why)
{
    struct vt_keeper_destroyed d = {0};
    uint64_t count;
    uint8_t listed;
    enum vt_err err = VT_OK;

    if (!vt_reader_u64(r, &d.generation_before) || !vt_reader_u64(r, &d.generation_after) ||
        !vt_keeper_take_digest(r, &d.ring_before) || !vt_keeper_take_digest(r, &d.ring_after) ||
        !vt_reader_u64(r, &count) || !vt_reader_u8(r, &listed) || listed > 2 ||
        (listed > 0 && count > VT_RING_LISTED_MAX))
        return vt_fail(
            why, VT_E_SYNTAX, "the keeper's account of what it destroyed is malformed");
    d.count = (size_t)count;
    if (listed > 0)
        d.commitment = calloc(d.count + 1, sizeof *d.commitment);
    if (listed > 1)
        d.epoch = calloc(d.count + 1, sizeof *d.epoch);
    if ((listed > 0 && d.commitment == NULL) || (listed > 1 && d.epoch == NULL))
        err = vt_fail(why, VT_E_NOMEM, "out of memory");
    if (err == VT_OK && listed > 0 && !take_rows(r, &d))
        err =
            vt_fail(why, VT_E_SYNTAX, "the keeper's account of what it destroyed is cut short");
    if (err != VT_OK) {
        vt_keeper_destroyed_release(&d);
        return err;
    }
    *ret = d;
    return VT_OK;
}
