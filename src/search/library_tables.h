/* SPDX-License-Identifier: Apache-2.0 */
/* The library's tables: docs/formats/library.md tells what is in them. */
#ifndef VT_SEARCH_LIBRARY_TABLES_H
#define VT_SEARCH_LIBRARY_TABLES_H

/* clang-format off */
#define VT_LIBRARY_SCHEMA \
    "CREATE TABLE snapshot(seq INTEGER PRIMARY KEY, source BLOB UNIQUE, folder INTEGER," \
    " files INTEGER, lines INTEGER, bytes INTEGER);" \
    "CREATE TABLE language(seq INTEGER, name TEXT, files INTEGER, lines INTEGER," \
    " PRIMARY KEY(seq, name)) WITHOUT ROWID;" \
    "CREATE TABLE shard(id INTEGER PRIMARY KEY, generation INTEGER, blobs INTEGER," \
    " bytes INTEGER);" \
    /* looked: the language by which it was searched for symbols, or null */ \
    "CREATE TABLE blob(id INTEGER PRIMARY KEY, digest BLOB UNIQUE, size INTEGER," \
    " lines INTEGER, text INTEGER, looked TEXT);" \
    "CREATE TABLE folder(id INTEGER PRIMARY KEY, digest BLOB UNIQUE, data BLOB);" \
    "CREATE TABLE folder_in(child INTEGER, parent INTEGER, PRIMARY KEY(child, parent))" \
    " WITHOUT ROWID;" \
    "CREATE TABLE blob_in(blob INTEGER, folder INTEGER, PRIMARY KEY(blob, folder))" \
    " WITHOUT ROWID;" \
    "CREATE TABLE path(path TEXT PRIMARY KEY) WITHOUT ROWID;" \
    "CREATE TABLE symbols(blob INTEGER PRIMARY KEY, data BLOB);" \
    "CREATE TABLE symbol(name TEXT, blob INTEGER, PRIMARY KEY(name, blob)) WITHOUT ROWID;" \
    "CREATE TABLE rule(blob INTEGER, at INTEGER, name TEXT, text BLOB, PRIMARY KEY(blob, at))" \
    " WITHOUT ROWID;"
/* clang-format on */

#endif
