/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts: what the log says, in tables, for the readers to ask. The indexer alone writes
 * them (centre/indexer.h), from the public folder and through the same checks as any reader's;
 * they can be made again from the log at any time. HOME/centre/facts.db.
 *
 * Digests are 32 bytes, times are seconds since 1970 UTC. A fact is there only when its entry
 * is in the tree of a checkpoint that the site's policy accepts, signed by a signer of the
 * policy, and its statement was read and says what the entry says; of other entries `entry` and
 * `subject` alone have rows. docs/formats/centre-facts.md has each column.
 *
 *     state        one row: the newest checkpoint, how far the facts are, why no further
 *     checkpoint   every one that was seen; cosignature: who cosigned it when
 *     entry        all of the log; subject: what they name
 *     vote         who of the policy says something of a source, environment, artifact
 *     source, environment, package
 *     run          kinds 'assembly', 'rebuild', 'mismatch'; output: what came out
 *     release      an artifact of a release, and what the site's policy says of it
 *     document     the ledger's; about: which request, grant, relocation, receipt they name
 *     review       kinds 'reading', 'review', 'objection'; reading: their lines
 *     visits       a day's openings
 *     waiting      what is not published yet; event: what others are told; shelf: the library
 */
#ifndef VT_CENTRE_FACTS_H
#define VT_CENTRE_FACTS_H

#define VT_FACTS_VERSION 2
#define VT_FACTS_FILE "centre/facts.db" /* below the home */

#define VT_FACTS_SCHEMA                                                                        \
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one=1), generation INTEGER,"             \
    " size INTEGER, root BLOB, note BLOB, time INTEGER, problem TEXT, taken INTEGER,"          \
    " told INTEGER, log TEXT, policy BLOB, made BLOB);"                                        \
    "CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, root BLOB, time INTEGER,"               \
    " seen INTEGER);"                                                                          \
    "CREATE TABLE cosignature(size INTEGER, witness TEXT, time INTEGER,"                       \
    " PRIMARY KEY(size, witness)) WITHOUT ROWID;"                                              \
    "CREATE INDEX cosignature_witness ON cosignature(witness, time);"                          \
    "CREATE TABLE entry(idx INTEGER PRIMARY KEY, kind TEXT, signer TEXT, key TEXT,"            \
    " organisation TEXT, statement BLOB, text BLOB, time INTEGER, problem TEXT);"              \
    "CREATE INDEX entry_kind ON entry(kind, idx);"                                             \
    "CREATE INDEX entry_signer ON entry(signer, idx);"                                         \
    "CREATE INDEX entry_statement ON entry(statement);"                                        \
    "CREATE TABLE subject(idx INTEGER, role TEXT, digest BLOB,"                                \
    " PRIMARY KEY(digest, role, idx)) WITHOUT ROWID;"                                          \
    "CREATE INDEX subject_idx ON subject(idx);"                                                \
    "CREATE TABLE vote(digest BLOB, kind TEXT, signer TEXT,"                                   \
    " PRIMARY KEY(digest, kind, signer)) WITHOUT ROWID;"                                       \
    "CREATE TABLE source(source BLOB PRIMARY KEY, idx INTEGER, tree TEXT,"                     \
    " git_commit TEXT, origin TEXT, archive_size INTEGER, files INTEGER, sealed INTEGER,"      \
    " name TEXT, version TEXT);"                                                               \
    "CREATE TABLE environment(environment BLOB PRIMARY KEY, idx INTEGER,"                      \
    " distribution TEXT, arch TEXT, packages INTEGER);"                                        \
    "CREATE TABLE package(environment BLOB, name TEXT, version TEXT, arch TEXT,"               \
    " size INTEGER, digest BLOB, PRIMARY KEY(environment, name, arch)) WITHOUT ROWID;"         \
    "CREATE TABLE run(idx INTEGER PRIMARY KEY, kind TEXT, of INTEGER, product TEXT,"           \
    " version TEXT, source BLOB, environment BLOB, recipe BLOB, site TEXT,"                    \
    " jurisdiction TEXT, started INTEGER, finished INTEGER, varied TEXT,"                      \
    " first_offset INTEGER, report BLOB, assembly BLOB);"                                      \
    "CREATE INDEX run_of ON run(of, kind);"                                                    \
    "CREATE INDEX run_source ON run(source);"                                                  \
    "CREATE INDEX run_environment ON run(environment);"                                        \
    "CREATE INDEX run_assembly ON run(assembly);"                                              \
    "CREATE TABLE output(idx INTEGER, name TEXT, artifact BLOB, size INTEGER,"                 \
    " rebuilt BLOB, PRIMARY KEY(idx, name)) WITHOUT ROWID;"                                    \
    "CREATE INDEX output_artifact ON output(artifact);"                                        \
    "CREATE TABLE release(idx INTEGER, artifact BLOB, channel TEXT, product TEXT,"             \
    " version TEXT, file TEXT, path TEXT, length INTEGER, metadata BLOB, number INTEGER,"      \
    " run INTEGER, state TEXT, rebuilds INTEGER, needed INTEGER, contradictions INTEGER,"      \
    " missing TEXT, PRIMARY KEY(artifact, idx)) WITHOUT ROWID;"                                \
    "CREATE INDEX release_idx ON release(idx);"                                                \
    "CREATE INDEX release_product ON release(channel, product, idx);"                          \
    "CREATE TABLE document(idx INTEGER PRIMARY KEY, kind TEXT, digest BLOB, region TEXT,"      \
    " site TEXT, made INTEGER, fields TEXT);"                                                  \
    "CREATE INDEX document_kind ON document(kind, idx);"                                       \
    "CREATE INDEX document_digest ON document(digest);"                                        \
    "CREATE TABLE about(digest BLOB, idx INTEGER, PRIMARY KEY(digest, idx)) WITHOUT ROWID;"    \
    "CREATE INDEX about_idx ON about(idx);"                                                    \
    "CREATE TABLE review(idx INTEGER PRIMARY KEY, kind TEXT, source BLOB, reviewer TEXT,"      \
    " organisation TEXT, made INTEGER, code TEXT, files INTEGER, covered INTEGER,"             \
    " log_size INTEGER, root BLOB);"                                                           \
    "CREATE INDEX review_source ON review(source, kind);"                                      \
    "CREATE TABLE reading(blob BLOB, idx INTEGER, from_line INTEGER, to_line INTEGER,"         \
    " path TEXT, verdict TEXT, PRIMARY KEY(blob, idx, from_line, path)) WITHOUT ROWID;"        \
    "CREATE INDEX reading_idx ON reading(idx);"                                                \
    "CREATE TABLE visits(day TEXT PRIMARY KEY, idx INTEGER, visits INTEGER,"                   \
    " reviewers INTEGER, anonymous INTEGER, root BLOB, text BLOB);"                            \
    "CREATE TABLE waiting(idx INTEGER, what TEXT, PRIMARY KEY(idx, what)) WITHOUT ROWID;"      \
    "CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, kind TEXT,"          \
    " idx INTEGER, data TEXT, at INTEGER, UNIQUE(idx, name));"                                 \
    "CREATE TABLE shelf(source BLOB PRIMARY KEY, tried INTEGER, problem TEXT);"

struct vt_home;
struct vt_policy;

#endif
