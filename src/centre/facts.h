/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts: what the log says, in tables, for the readers to ask. The indexer alone writes them
 * (centre/indexer.h), from the public folder and through the same checks as any reader's;
 * they can be made again from the log at any time. HOME/centre/facts.db.
 *
 * Digests are 32 bytes, times are seconds since 1970 UTC. A fact is there only when its entry is in the
 * tree of a checkpoint that the site's policy accepts, signed by a signer of the policy, and its
 * statement was read and says what the entry says; of other entries `entry` and `subject` alone
 * have rows.
 */
#ifndef VT_CENTRE_FACTS_H
#define VT_CENTRE_FACTS_H

#define VT_FACTS_VERSION 1
#define VT_FACTS_FILE "centre/facts.db" /* below the home */

#define VT_FACTS_SCHEMA                                                                        \
    /* one row; note: the newest checkpoint as published; problem: why there is nothing newer */ \
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one=1), generation INTEGER, size INTEGER,"  \
    " root BLOB, note BLOB, time INTEGER, problem TEXT);"                                      \
    /* every checkpoint that was seen, and who cosigned it when */                             \
    "CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, root BLOB, time INTEGER, seen INTEGER);" \
    "CREATE TABLE cosignature(size INTEGER, witness TEXT, time INTEGER,"                       \
    " PRIMARY KEY(size, witness)) WITHOUT ROWID;"                                              \
    "CREATE INDEX cosignature_witness ON cosignature(witness, time);"                          \
    /* time: of the first checkpoint seen that covers it; signer NULL: nobody of the policy */ \
    "CREATE TABLE entry(idx INTEGER PRIMARY KEY, kind TEXT, signer TEXT, key TEXT,"            \
    " organisation TEXT, statement BLOB, text BLOB, time INTEGER, problem TEXT);"              \
    "CREATE INDEX entry_kind ON entry(kind, idx);"                                             \
    "CREATE INDEX entry_signer ON entry(signer, idx);"                                         \
    "CREATE INDEX entry_statement ON entry(statement);"                                        \
    "CREATE TABLE subject(idx INTEGER, role TEXT, digest BLOB,"                                \
    " PRIMARY KEY(digest, role, idx)) WITHOUT ROWID;"                                          \
    "CREATE INDEX subject_idx ON subject(idx);"                                                \
    "CREATE TABLE source(source BLOB PRIMARY KEY, idx INTEGER, tree TEXT, git_commit TEXT,"    \
    " origin TEXT, archive_size INTEGER, files INTEGER, sealed INTEGER, name TEXT,"            \
    " version TEXT);"                                                                          \
    "CREATE TABLE environment(environment BLOB PRIMARY KEY, idx INTEGER, distribution TEXT,"   \
    " arch TEXT, packages INTEGER);"                                                           \
    "CREATE TABLE package(environment BLOB, name TEXT, version TEXT, arch TEXT, size INTEGER," \
    " digest BLOB, PRIMARY KEY(environment, name, arch)) WITHOUT ROWID;"                       \
    /* what ran: kind 'assembly', 'rebuild', 'mismatch'; of: the assembly's entry; varied: words */ \
    "CREATE TABLE run(idx INTEGER PRIMARY KEY, kind TEXT, of INTEGER, product TEXT,"           \
    " version TEXT, source BLOB, environment BLOB, recipe BLOB, site TEXT, jurisdiction TEXT,"  \
    " started INTEGER, finished INTEGER, varied TEXT, first_offset INTEGER, report BLOB);"     \
    "CREATE INDEX run_of ON run(of, kind);"                                                    \
    "CREATE INDEX run_source ON run(source);"                                                  \
    "CREATE TABLE output(idx INTEGER, name TEXT, artifact BLOB, size INTEGER, rebuilt BLOB,"   \
    " PRIMARY KEY(idx, name)) WITHOUT ROWID;"                                                  \
    "CREATE INDEX output_artifact ON output(artifact);"                                        \
    /* an artifact of a release; run: its newest assembly's entry; path as TUF metadata has it */ \
    "CREATE TABLE release(idx INTEGER, artifact BLOB, channel TEXT, product TEXT,"             \
    " version TEXT, file TEXT, path TEXT, length INTEGER, metadata BLOB, number INTEGER,"      \
    " run INTEGER, state TEXT, rebuilds INTEGER, needed INTEGER, contradictions INTEGER,"      \
    " missing TEXT, PRIMARY KEY(artifact, idx)) WITHOUT ROWID;"                                \
    "CREATE INDEX release_idx ON release(idx);"                                                \
    "CREATE INDEX release_product ON release(channel, product, idx);"                          \
    /* the ledger's documents: fields as a JSON array of [name, value] */                      \
    "CREATE TABLE document(idx INTEGER PRIMARY KEY, kind TEXT, digest BLOB, region TEXT,"      \
    " site TEXT, made INTEGER, fields TEXT);"                                                  \
    "CREATE INDEX document_kind ON document(kind, idx);"                                       \
    "CREATE INDEX document_digest ON document(digest);"                                        \
    /* which request, grant, relocation or receipt a document is about */                      \
    "CREATE TABLE about(digest BLOB, idx INTEGER, PRIMARY KEY(digest, idx)) WITHOUT ROWID;"    \
    /* reviews; kind 'reading', 'review', 'objection' */                                       \
    "CREATE TABLE review(idx INTEGER PRIMARY KEY, kind TEXT, source BLOB, reviewer TEXT,"      \
    " organisation TEXT, made INTEGER, code TEXT, files INTEGER, covered INTEGER);"            \
    "CREATE INDEX review_source ON review(source, kind);"                                      \
    /* lines of readings and objections; from_line 0: all */                                   \
    "CREATE TABLE reading(blob BLOB, idx INTEGER, from_line INTEGER, to_line INTEGER,"         \
    " path TEXT, verdict TEXT, PRIMARY KEY(blob, idx, from_line)) WITHOUT ROWID;"              \
    "CREATE INDEX reading_idx ON reading(idx);"                                                \
    "CREATE TABLE visits(day TEXT PRIMARY KEY, idx INTEGER, visits INTEGER, reviewers INTEGER," \
    " anonymous INTEGER, root BLOB, text BLOB);"

struct vt_home;
struct vt_policy;

#endif
