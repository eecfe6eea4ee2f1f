// Reads an AsyncAPI document from standard input and prints what the parser found, as JSON: whether it is a document,
// its channels and operations, and each diagnostic (severity 0 is an error, 1 a warning, 2 an information).
import { readFileSync } from "node:fs";

import asyncapi from "@asyncapi/parser";

const { document, diagnostics } = await new asyncapi.Parser().parse(readFileSync(0, "utf8"));
console.log(
  JSON.stringify({
    version: document?.version() ?? null,
    receives: document?.operations().filterByReceive().map((found) => found.channels().all()[0].address()) ?? [],
    sends: document?.operations().filterBySend().map((found) => found.channels().all()[0].address()) ?? [],
    diagnostics: diagnostics.map(({ code, message, path, severity }) => ({ code, message, path: path.join("."), severity })),
  }),
);
