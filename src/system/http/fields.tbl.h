/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Header fields that the server itself reads. KNOWN_FIELD(id, name in lower case). All of them may stand once only,
 * except those lists that are joined nowhere: connection and accept-encoding are read field by field. */
KNOWN_FIELD(HOST, "host")
KNOWN_FIELD(CONTENT_LENGTH, "content-length")
KNOWN_FIELD(TRANSFER_ENCODING, "transfer-encoding")
KNOWN_FIELD(CONNECTION, "connection")
KNOWN_FIELD(EXPECT, "expect")
KNOWN_FIELD(RANGE, "range")
KNOWN_FIELD(IF_RANGE, "if-range")
KNOWN_FIELD(IF_MATCH, "if-match")
KNOWN_FIELD(IF_NONE_MATCH, "if-none-match")
KNOWN_FIELD(IF_MODIFIED_SINCE, "if-modified-since")
KNOWN_FIELD(IF_UNMODIFIED_SINCE, "if-unmodified-since")
KNOWN_FIELD(ACCEPT_ENCODING, "accept-encoding")
KNOWN_FIELD(X_FORWARDED_FOR, "x-forwarded-for")
KNOWN_FIELD(X_FORWARDED_PROTO, "x-forwarded-proto")
KNOWN_FIELD(UPGRADE, "upgrade")
