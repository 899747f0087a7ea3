/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An insider: somebody who has a party's key and the program's own libraries, and
 * does not ask them whether something may be done. For attack tests.
 *
 *     insider say KIND KEY POLICY URL FIELDS [ROLE=DIGEST]...
 *         signs the fields in the file FIELDS as a document of that kind, right or wrong,
 *         and logs an entry for it. Prints the document's digest.
 *     insider evidence POLICY URL OUT HOME DIGEST...
 *         gathers evidence of the entries that name these documents, in this order, from
 *         where that vault's keeper has seen the ledger.
 *     insider open HOME EVIDENCE SHARES PASSPORT|-
 *         shows it to the keeper of that vault, who is to say no. Prints the code of its
 *         refusal, or "opened" when it released the key.
 */
#include "base/file.h"
#include "crypto/signer.h"
#include "store/policy_file.h"
#include "vault/desk.h"
#include "vault/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
fail(enum vt_err err, const struct vt_why *why)
{
    (void)fprintf(stderr, "insider: %s\n", why->text);
    return vt_err_exit_code(err);
}

static bool
kind_of(const char *name, enum vt_doc_kind *ret_doc, enum vt_entry_kind *ret_entry)
{
    for (unsigned i = 1; i < VT_DOC_KIND_COUNT; i++) {
        if (strcmp(name, vt_doc_kind_name((enum vt_doc_kind)i)) == 0) {
            *ret_doc = (enum vt_doc_kind)i;
            *ret_entry = (enum vt_entry_kind)(VT_ENTRY_VAULT_POLICY + (int)i - 1);
            return true;
        }
    }
    return false;
}

static enum vt_err
add_fields(struct vt_doc *d, const char *path, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    enum vt_err err = vt_file_read(path, &b, why);
    struct vt_reader r = VT_READER(b.data, b.len), line, name;
    char key[64];
    char value[600];

    while (err == VT_OK && vt_reader_line(&r, &line)) {
        if (!vt_reader_word(&line, ' ', &name) || !vt_reader_cstr(&name, key, sizeof key) ||
            !vt_reader_cstr(&line, value, sizeof value))
            err = vt_fail(why, VT_E_USAGE, "%s: a line is no field", path);
        else
            err = vt_doc_add(d, key, value, why);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
subject_of(const char *text, struct vt_subject *ret, struct vt_why *why)
{
    const char *eq = strchr(text, '=');

    for (unsigned i = 1; eq != NULL && i < VT_SUBJECT_ROLE_COUNT; i++) {
        const char *name = vt_subject_role_name((enum vt_subject_role)i);
        const size_t n = (size_t)(eq - text);
        const char *hex = strncmp(eq + 1, "sha256:", 7) == 0 ? eq + 8 : eq + 1;
        if (strlen(name) == n && memcmp(name, text, n) == 0 &&
            vt_digest_from_hex(hex, strlen(hex), &ret->digest)) {
            ret->role = (enum vt_subject_role)i;
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_USAGE, "%s is no ROLE=DIGEST", text);
}

struct said {
    struct vt_policy *policy;
    struct vt_signer *signer;
    struct vt_desk *desk;
    struct vt_doc *doc;
    struct vt_buf bytes;
};

static enum vt_err
say_it(struct said *s, enum vt_entry_kind entry, char **subjects, int n, struct vt_why *why)
{
    struct vt_subject subject[VT_ENTRY_SUBJECTS_MAX];
    uint64_t index = 0;
    enum vt_err err = VT_OK;

    for (int i = 0; i < n && err == VT_OK; i++)
        err = i < (int)VT_ENTRY_SUBJECTS_MAX ? subject_of(subjects[i], &subject[i], why)
                                             : VT_E_LIMIT;
    if (err == VT_OK)
        err = vt_doc_sign(s->doc, s->signer, &s->bytes, why);
    if (err == VT_OK)
        err = vt_desk_say(
            s->desk, entry, subject, (size_t)n, s->bytes.data, s->bytes.len, &index, why);
    if (err == VT_OK)
        err = vt_desk_wait(s->desk, index, 60000, why);
    return err;
}

static int
say(int argc, char **argv)
{
    struct said s = {.bytes = VT_BUF(VT_DOC_MAX)};
    struct vt_why why = {0};
    enum vt_doc_kind kind;
    enum vt_entry_kind entry;
    struct vt_digest digest;
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    if (argc < 6 || !kind_of(argv[1], &kind, &entry))
        return 2;
    err = vt_policy_load(argv[3], &s.policy, &why);
    if (err == VT_OK)
        err = vt_signer_spawn(
            argv[2], VT_SIGN_BIT(VT_SIGN_VAULT) | VT_SIGN_BIT(VT_SIGN_ENTRY), &s.signer, &why);
    if (err == VT_OK)
        err = vt_desk_new(argv[4], s.policy, s.signer, &s.desk, &why);
    if (err == VT_OK)
        err = vt_doc_new(kind, &s.doc, &why);
    if (err == VT_OK)
        err = add_fields(s.doc, argv[5], &why);
    if (err == VT_OK)
        err = say_it(&s, entry, argv + 6, argc - 6, &why);
    if (err == VT_OK) {
        vt_digest_of(s.bytes.data, s.bytes.len, &digest);
        vt_digest_hex(&digest, hex);
        printf("sha256:%s\n", hex);
    }
    vt_desk_free(s.desk);
    vt_doc_free(s.doc);
    vt_signer_free(s.signer);
    vt_policy_free(s.policy);
    vt_buf_release(&s.bytes);
    return err == VT_OK ? 0 : fail(err, &why);
}

/* Any kind: the entry that names the document is looked for under each. */
static enum vt_err
find_any(struct vt_desk *desk, const char *text, uint64_t *ret, struct vt_why *why)
{
    const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
    struct vt_digest digest;
    struct vt_desk_entry e;
    enum vt_err err = VT_E_NOENT;

    if (!vt_digest_from_hex(hex, strlen(hex), &digest))
        return vt_fail(why, VT_E_USAGE, "%s is no digest", text);
    for (int k = VT_ENTRY_VAULT_POLICY; err == VT_E_NOENT && k < VT_ENTRY_KIND_COUNT; k++)
        err = vt_desk_find(desk, (enum vt_entry_kind)k, &digest, &e, why);
    if (err == VT_OK)
        *ret = e.index;
    return err;
}

/* How much of the ledger the keeper of that vault has seen. */
static enum vt_err
known_size(const char *dir, uint64_t *ret, struct vt_why *why)
{
    struct vt_keeper_status status;
    struct vt_keeper *keeper = NULL;
    struct vt_home home;
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, &home, why);

    if (err == VT_OK)
        err = vt_keeper_open(&home, &keeper, why);
    if (err == VT_OK)
        err = vt_keeper_status(keeper, &status, why);
    if (err == VT_OK)
        *ret = status.ledger_size;
    vt_keeper_close(keeper);
    return err;
}

static int
evidence(int argc, char **argv)
{
    struct vt_policy *policy = NULL;
    struct vt_desk *desk = NULL;
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_why why = {0};
    uint64_t index[VT_EVIDENCE_COUNT_MAX];
    uint64_t known = 0;
    enum vt_err err;

    if (argc < 6 || argc - 5 > (int)VT_EVIDENCE_COUNT_MAX)
        return 2;
    err = known_size(argv[4], &known, &why);
    if (err == VT_OK)
        err = vt_policy_load(argv[1], &policy, &why);
    if (err == VT_OK)
        err = vt_desk_new(argv[2], policy, NULL, &desk, &why);
    if (err == VT_OK)
        err = vt_desk_refresh(desk, &why);
    for (int i = 5; i < argc && err == VT_OK; i++)
        err = find_any(desk, argv[i], &index[i - 5], &why);
    if (err == VT_OK)
        err = vt_desk_evidence(desk, index, (size_t)(argc - 5), known, &b, &why);
    if (err == VT_OK)
        err = vt_file_replace(argv[3], 0644, b.data, b.len, &why);
    vt_desk_free(desk);
    vt_policy_free(policy);
    vt_buf_release(&b);
    return err == VT_OK ? 0 : fail(err, &why);
}

static enum vt_err
read_into(const char *path, size_t max, struct vt_buf *b, struct vt_why *why)
{
    vt_buf_init(b, max);
    return strcmp(path, "-") == 0 ? VT_OK : vt_file_read(path, b, why);
}

static int
open_it(int argc, char **argv)
{
    struct vt_home home;
    struct vt_keeper *keeper = NULL;
    struct vt_buf e = VT_BUF(0);
    struct vt_buf s = VT_BUF(0);
    struct vt_buf p = VT_BUF(0);
    struct vt_granted *granted = calloc(1, sizeof *granted);
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    struct vt_why why = {0};
    uint64_t session = 0;
    enum vt_err err;

    if (argc != 5 || granted == NULL)
        return 2;
    err = read_into(argv[2], VT_EVIDENCE_MAX, &e, &why);
    if (err == VT_OK)
        err = read_into(argv[3], VT_EVIDENCE_MAX, &s, &why);
    if (err == VT_OK)
        err = read_into(argv[4], VT_EVIDENCE_MAX, &p, &why);
    if (err == VT_OK)
        err = vt_home_open(argv[1], VT_HOME_SITE, &home, &why);
    if (err == VT_OK)
        err = vt_keeper_open(&home, &keeper, &why);
    if (err == VT_OK) {
        const struct vt_keeper_open o = {.evidence = e.data,
            .evidence_len = e.len,
            .shares = s.data,
            .shares_len = s.len,
            .passport = p.data,
            .passport_len = p.len};
        err = vt_keeper_session(keeper, &o, &session, granted, &refusal, &why);
        printf("%s\n", err == VT_OK ? "opened" : vt_refusal_name(refusal));
    }
    vt_keeper_close(keeper);
    vt_buf_release(&e);
    vt_buf_release(&s);
    vt_buf_release(&p);
    free(granted);
    return err == VT_OK ? 0 : fail(err, &why);
}

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "say") == 0)
        return say(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "evidence") == 0)
        return evidence(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "open") == 0)
        return open_it(argc - 1, argv + 1);
    (void)fprintf(stderr, "usage: insider say|evidence|open ...\n");
    return 2;
}
