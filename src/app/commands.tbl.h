/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Every command, in the order of `grandstand help`. The file command_NAME.c holds its function and its options.
 * COMMAND(name, arguments as --help shows them, fewest, most, one line of summary) */
COMMAND(help, "[COMMAND]", 0, 1, "list the commands, or explain one")
COMMAND(package, "IN OUTDIR", 2, 2, "turn a media file into a folder with HLS and DASH for any web server")
COMMAND(serve, "", 0, 0, "run the server: pages, API, media")
COMMAND(import, "FILE...", 1, 4096, "make a title of each media file")
COMMAND(publish, "[FILE] rtmp://HOST/live/KEY", 1, 2, "send a file, or the built-in test picture, to a live channel in real time")
COMMAND(demo, "", 0, 0, "fill an empty data folder with an example organisation: films made here")
COMMAND(operator_link, "", 0, 0, "make a one-time link that lets an operator in")
COMMAND(rights, "import FILE | check | conflicts | avails", 1, 2, "contracts: lines from a file, who may show what where and when, contradictions, what is available")
COMMAND(ledger, "verify | accounts | statement ACCOUNT", 1, 2, "the books: replay and compare all transfers, list accounts, one account's statement")
COMMAND(doctor, "", 0, 0, "look at the machine and the data folder, and say how to mend what is wrong")
COMMAND(calibrate, "board | intrinsics PICTURE... | extrinsics FOLDER... | points MARKS | lines MARKS | convert IN OUT | check IN", 1, 100000,
        "lenses and places of cameras from boards, measured points and lane lines; boards to print; calibration files")
COMMAND(track, "[DIR...] | report DIR | evaluate A B | synth SCENE", 0, 64, "people in space from joints in pictures; a report for coaches; compare two motions; make a meeting to test on")
COMMAND(version, "", 0, 0, "say which version this is and what it was built with")
