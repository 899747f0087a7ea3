/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region's inventory at a site: one row for each segment ever made (segment.h:
 * vt_segment_row), appended and never changed, and the Merkle tree (RFC 6962) over
 * the rows. Its root is what an `inventory` entry says, and what two sites compare in a
 * relocation. File HOME/vault/inventory/REGION: rows of 72 bytes, nothing else.
 */
#ifndef VT_VAULT_INVENTORY_H
#define VT_VAULT_INVENTORY_H

#include "vault/segment.h"

struct vt_inventory;

#define VT_INVENTORY_MAX (1U << 20) /* segments of a region at a site */

/* Opens it; a file that is missing is an inventory without rows. A torn last row is not
 * read (it was never acknowledged). VT_E_SYNTAX: an id twice. Cost: reads all rows. */
VT_MUST enum vt_err vt_inventory_open(
    const char *path, struct vt_inventory **ret, struct vt_why *why);
void vt_inventory_free(struct vt_inventory *v);
/* Reads the rows that others have added since; when another file stands there now (the region
 * was handed over, or came back), all of it. */
VT_MUST enum vt_err vt_inventory_refresh(struct vt_inventory *v, struct vt_why *why);
/* Durable when it returns; makes the file (mode 0644) when it is missing, and cuts a torn last
 * row. Several processes may add: the file is locked meanwhile. A row that is there already
 * (all the same): fine. Another one under the same id: VT_E_EXIST. VT_E_LIMIT: full. */
VT_MUST enum vt_err vt_inventory_add(
    struct vt_inventory *v, const struct vt_segment_row *row, struct vt_why *why);
size_t vt_inventory_count(const struct vt_inventory *v);
const struct vt_segment_row *vt_inventory_row(const struct vt_inventory *v, size_t i);
/* NULL: there is none of that id. */
const struct vt_segment_row *vt_inventory_find(
    const struct vt_inventory *v, const uint8_t id[VT_SEGMENT_ID_SIZE]);
void vt_inventory_root(const struct vt_inventory *v, struct vt_digest *ret);
/* Records, plain bytes and file bytes of all rows. */
void vt_inventory_sum(const struct vt_inventory *v, struct vt_segment_row *ret);

#endif
