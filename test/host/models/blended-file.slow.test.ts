/** Models of 4 GB, in shards: 12 GB of disk, a minute or two. What is asserted is the memory. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/host/repair/random.js";
import { scratchDir } from "../../support.js";
import { u64 } from "../parameters/safetensors-writer.js";

const childPath = fileURLToPath(new URL("blend-large-child.js", import.meta.url));
const shardCount = 4;
const tensorsPerShard = 8;
const tensorBytes = 128 * 1024 * 1024;
const peakBytesMax = 512 * 1024 * 1024;

/** Noise that repeats, and a share of other noise on it: related, as a fine-tuned model's weights are. */
function noise(seed: number, shift: number): Float32Array {
  const [own, other] = [new Random(1), new Random(seed)];
  return Float32Array.from({ length: 1024 * 1024 }, () => own.unit() - 0.5 + shift * (other.unit() - 0.5));
}

function writeShards(name: string, values: Float32Array): string {
  const dir = scratchDir();
  const bytes = new Uint8Array(values.buffer);
  const map: Record<string, string> = {};
  for (let shard = 0; shard < shardCount; shard++) {
    const file = `${name}-${shard}.safetensors`;
    const names = Array.from({ length: tensorsPerShard }, (_, index) => `layer.${shard}.${index}`);
    const header = names.map((tensor, index) => {
      const offsets = [index * tensorBytes, (index + 1) * tensorBytes];
      map[tensor] = file;
      return [tensor, { dtype: "F32", shape: [tensorBytes / 4], data_offsets: offsets }];
    });
    const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
    const out = openSync(join(dir, file), "w");
    writeSync(out, u64(text.length));
    writeSync(out, text);
    for (let at = 0; at < tensorsPerShard * tensorBytes; at += bytes.length) writeSync(out, bytes);
    closeSync(out);
  }
  const path = join(dir, "model.safetensors.index.json");
  writeFileSync(path, JSON.stringify({ weight_map: map }));
  return path;
}

test("two models of 4 GB blend in less than 512 MB", () => {
  const [own, toward] = [noise(2, 0.2), noise(3, 0)];
  const [drifted, ancestor] = [writeShards("drifted", own), writeShards("ancestor", toward)];
  const out = join(scratchDir(), "blend");
  const said = execFileSync(process.execPath, [childPath, drifted, ancestor, out], { encoding: "utf8" });
  const { peakKib } = JSON.parse(said) as { peakKib: number };
  const last = join(out, `drifted-${shardCount - 1}.safetensors`);
  const found = new Float32Array(own.length);
  const file = openSync(last, "r");
  readSync(file, found, 0, found.byteLength, statSync(last).size - found.byteLength);
  closeSync(file);
  rmSync(out, { recursive: true });
  for (let index = 0; index < own.length; index += 997)
    assert.is(
      found[index],
      Math.fround(own[index]! + Math.fround(0.75 * Math.fround(toward[index]! - own[index]!))),
    );
  assert.ok(peakKib * 1024 < peakBytesMax, `peak ${Math.round(peakKib / 1024)} MiB`);
});

test.run();
