/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Every lock of the house, in the order in which they may be taken: while one is held, only later ones may be.
 * LOCK_CLASS(name, what it guards) */
LOCK_CLASS(api, "listeners by organisation, and which uploads are being written to")
LOCK_CLASS(account, "wrong codes by address, and the list of hosts")
LOCK_CLASS(catalog, "which view of an organisation's titles is the present one")
LOCK_CLASS(delivery_shelf, "one part of the shelf of open files and playlists")
LOCK_CLASS(delivery_lanes, "the list of what loop threads have for themselves")
LOCK_CLASS(delivery_keys, "token keys: adding and retiring")
LOCK_CLASS(delivery_revocation, "who may write the revocation set; readers take none")
LOCK_CLASS(test_outer, "for tests of this mechanism")
LOCK_CLASS(test_inner, "for tests of this mechanism")
LOCK_CLASS(db_pool, "a database's idle readers (system/db)")
LOCK_CLASS(db_keeper, "whether a checkpoint is wanted (system/db)")
LOCK_CLASS(db_answer, "one caller who waits for his write to be answered (system/db)")
LOCK_CLASS(job_runner, "what the workers run, and their rings (system/job)")
LOCK_CLASS(http_stop, "how many loops of a stopping server are empty (system/http)")
LOCK_CLASS(http_tls, "which certificate new connections get (system/http)")
LOCK_CLASS(http_pool, "a queue of work for threads that may block (system/http)")
