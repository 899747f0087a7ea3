/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/terms.h"

#include <stddef.h>

const struct vt_term vt_terms[] = {
    {"access receipt",
        "A small file that tells a customer that one run read some of her records, "
        "and proves it."},
    {"approval", "The signed yes of somebody whom the policy for users' data names, to exactly "
                 "one request."},
    {"artifact", "A file that a release gives to its users: a program, a package, a set of "
                 "rules."},
    {"assembly", "Making an artifact from its source, by a fixed recipe, in a sealed room of "
                 "software that cannot reach the network."},
    {"channel", "A line of releases that users can follow, such as `products` or `rules`."},
    {"checkpoint", "A signed line that says how long the log is and fixes, in one number, "
                   "everything that stands in it."},
    {"commit", "One saved state of a source in its makers' history."},
    {"concern", "A reviewer's verdict that something in these lines is not right."},
    {"consistency proof",
        "A handful of numbers that shows that today's log is yesterday's with "
        "something added, and nothing taken out or changed."},
    {"cosignature",
        "A witness's own signature below a checkpoint: it has seen that the log only "
        "ever grew."},
    {"coverage", "How much of a source independent people have read, and how many "
                 "organisations they come from."},
    {"digest",
        "A short fingerprint of a file, here by SHA-256: change one letter of the file and "
        "the fingerprint is another."},
    {"drill", "An exercise in which a fault is made on purpose, to see that it is noticed."},
    {"entry", "One line of the public log: who says what about which file, signed."},
    {"environment",
        "The exact list of software packages, to the last byte, in which an artifact "
        "is assembled."},
    {"erasure", "The destruction of the keys to one person's data, after which nobody can read "
                "that data again."},
    {"export", "All that is stored of one person, handed to that person."},
    {"grant", "A site's signed statement that a request has all the approvals that it needs."},
    {"inclusion proof",
        "A handful of numbers that shows that one entry stands in the log that a "
        "checkpoint fixes."},
    {"inventory", "The list of all sealed boxes of data that a region has at a site."},
    {"inventory root", "One number that fixes a whole inventory: if two sites have the same, "
                       "they have the same list."},
    {"job", "A released program that may answer one approved question from users' data."},
    {"jurisdiction", "The country whose law applies where a machine stands."},
    {"keeper",
        "The part of a site that holds the keys to users' data and opens nothing without "
        "a grant."},
    {"ledger", "The part of the public log that is about users' data: every request, approval, "
               "refusal, run, erasure and move."},
    {"log", "A public list that anybody can copy and to which lines can only be added."},
    {"Merkle tree",
        "A way of adding up many fingerprints into one, so that each single line can "
        "be shown to be part of the sum."},
    {"mismatch", "A rebuild gave other bytes than the assembly did, which means that something "
                 "is wrong until it is explained."},
    {"objection", "A reviewer's signed no: nothing should be released from this source."},
    {"organisation",
        "Reviewers who belong together and so count as one: a company, an agency, a "
        "university."},
    {"origin", "The name of a log, which each of its checkpoints begins with."},
    {"passkey", "A signing key that a phone, a computer or a security key keeps for its owner, "
                "and uses only when she agrees."},
    {"passport",
        "One file beside an artifact that holds every proof about it, so that it can be "
        "checked without asking anybody."},
    {"policy", "A text file in which somebody writes down whom to trust, and how many of them "
               "must agree."},
    {"purpose", "The reason that a request gives, from a list that the policy for users' data "
                "has."},
    {"quorum", "How many of a group must have signed before it counts, such as two of three."},
    {"reading",
        "A reviewer's signed statement that she has read these lines, with her verdict."},
    {"rebuild", "Somebody else makes the artifact again from the same source and compares it "
                "byte by byte."},
    {"recipe", "The steps by which an artifact is assembled from its source."},
    {"record", "One event that was stored about a user's machine."},
    {"refusal", "A signed no to a request, with its reason."},
    {"region", "A part of the world whose users' data is kept together at one site."},
    {"release", "Publishing an artifact so that users' machines may install it."},
    {"relocation", "Moving a region's data from one site to another and destroying what stayed "
                   "behind."},
    {"request", "A question about users' data, put in writing and signed before anybody may "
                "look."},
    {"retention", "How long data of a kind is kept before the keys to it are destroyed."},
    {"review", "A reviewer's signature under a whole source: I have read it, and it may be "
               "released."},
    {"root", "The one number at the top of a Merkle tree, which fixes all that is below it."},
    {"rule", "One pattern of a detection database, by which something harmful is recognised."},
    {"run", "A job has read users' data under a grant, and this is what went in and what came "
            "out, in numbers."},
    {"SBOM", "A list of all software parts that went into making an artifact (software bill of "
             "materials)."},
    {"sealed source", "A source that only named reviewers may open; that it exists is public."},
    {"segment", "A sealed box of users' records that is written once and never changed."},
    {"shred",
        "The destruction of the keys and boxes that a site kept of a region which has moved "
        "away."},
    {"signature",
        "A number that only the holder of a key can make for a text, and that anybody "
        "can check."},
    {"signer", "A party that the policy names, with the key that its statements are signed "
               "with."},
    {"site", "One place that runs this system, with its own machines, its own keys and its own "
             "country's law."},
    {"snapshot", "All files of a source as they were at one moment, fixed by one digest."},
    {"source", "The text that people write and read, from which an artifact is made."},
    {"statement", "The full text that an entry of the log names by its digest."},
    {"verdict", "What a reviewer thinks of lines she has read: in order, or a concern."},
    {"visit", "Somebody opened a file of source on this page; each day's number of visits is "
              "published."},
    {"witness",
        "An independent party that watches a log and signs only if it never changed what "
        "it once said."},
    {NULL, NULL},
};
