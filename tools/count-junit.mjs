// Counts a JUnit file of meson: prints "passed failed skipped". A missing or empty file is a failure.
import { readFileSync } from 'node:fs';

let xml = '';
try {
  xml = readFileSync(process.argv[2], 'utf8');
} catch {
  // counted as a failure below
}
let passed = 0;
let failed = 0;
let skipped = 0;
const skips = new Set([...xml.matchAll(/^not ok \d+ # SKIP (.*)$/gm)].map(([, name]) => name));
for (const [whole, selfClosed, body] of xml.matchAll(/<testcase\b[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g)) {
  const inner = selfClosed === '/>' ? '' : (body ?? '');
  // cmocka says "not ok 8 # SKIP name" of a test that was skipped, which meson takes for a failure with a number for a name.
  const isCmockaSkip = /<testcase name="\d+"/.test(whole) && /<failure \/>/.test(inner) && skips.has(inner.match(/<system-out>(.*?)<\/system-out>/)?.[1]);
  if (isCmockaSkip) skipped++;
  else if (/<(failure|error)\b/.test(inner)) failed++;
  else if (/<skipped\b/.test(inner)) skipped++;
  else passed++;
}
if (passed + failed + skipped === 0) failed = 1;
console.log(passed, failed, skipped);
