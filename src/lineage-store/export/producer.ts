/** Who wrote a document: this package, named so that a reader can find the very version. */
import { readFileSync } from "node:fs";

/** From dist/src/lineage-store/export/ to the package's root. */
const packageUrl = new URL("../../../../package.json", import.meta.url);

export const producerVersion = (JSON.parse(readFileSync(packageUrl, "utf8")) as { version: string }).version;

/** A package URL (ECMA-427), which is a URI as OpenLineage wants one. */
export const producerUri = `pkg:npm/mendline@${producerVersion}`;
