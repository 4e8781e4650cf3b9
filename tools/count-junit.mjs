// Counts what meson's JUnit files say: prints "passed failed skipped", and on standard error "FAILED test: case" for each that failed. A test that is in several of
// the files counts as in the last one. A missing or empty file is a failure. With --failed: prints the names of the tests in which something failed.
import { readFileSync } from 'node:fs';

const files = process.argv.slice(2).filter((argument) => argument !== '--failed');
const tests = new Map();
for (const file of files) {
  let xml = '';
  try {
    xml = readFileSync(file, 'utf8');
  } catch {
    // counted as a failure below
  }
  const skips = new Set([...xml.matchAll(/^not ok \d+ # SKIP (.*)$/gm)].map(([, name]) => name));
  for (const [, attributes, suite] of xml.matchAll(/<testsuite\b([^>]*[^/>])>([\s\S]*?)<\/testsuite>/g)) {
    const name = attributes.match(/\bname="[^"]* \/ ([^"]*)"/)?.[1] ?? attributes;
    const test = { passed: 0, failed: [], skipped: 0 };
    tests.set(name, test);
    for (const [, about, selfClosed, body] of suite.matchAll(/<testcase\b([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)) {
      const inner = selfClosed === '/>' ? '' : (body ?? '');
      const caseName = about.match(/\bname="([^"]*)"/)?.[1] ?? '';
      // cmocka says "not ok 8 # SKIP name" of a test that was skipped, which meson takes for a failure with a number for a name.
      const isCmockaSkip = /^\d+$/.test(caseName) && /<failure \/>/.test(inner) && skips.has(inner.match(/<system-out>(.*?)<\/system-out>/)?.[1]);
      if (isCmockaSkip) test.skipped++;
      else if (/<(failure|error)\b/.test(inner)) test.failed.push(caseName);
      else if (/<skipped\b/.test(inner)) test.skipped++;
      else test.passed++;
    }
  }
}

if (process.argv.includes('--failed')) {
  for (const [name, test] of tests) if (test.failed.length) console.log(name);
} else {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const [name, test] of tests) {
    passed += test.passed;
    failed += test.failed.length;
    skipped += test.skipped;
    for (const one of test.failed) console.error(`FAILED ${name}: ${one}`);
  }
  if (passed + failed + skipped === 0) failed = 1;
  console.log(passed, failed, skipped);
}
