/** One POST with a deadline: redirects are not followed, connections not kept, answers read up to a bound. */
import type { LookupFunction } from "node:net";
import { answerBytesMax } from "../../limits.js";

export interface PostRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly lookup?: LookupFunction;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** At most `answerBytesMax` of it. */
  readonly text: string;
}

/** @throws what the network says, and where there is no whole answer within the time */
export async function post(asked: PostRequest): Promise<Answer> {
  const { url, body, headers, timeoutMs, lookup, signal } = asked;
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  // Loaded where it is needed: every start of an engine would pay for it.
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
  const length = String(Buffer.byteLength(body));
  return new Promise<Answer>((resolve, reject) => {
    const options = {
      method: "POST",
      agent: false,
      signal: stop,
      headers: { "content-type": "application/json", "content-length": length, ...headers },
      ...(lookup !== undefined && { lookup }),
    } as const;
    const sent = request(url, options, (response) => {
      const parts: Buffer[] = [];
      let left = answerBytesMax;
      const finish = () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() });
      response.on("data", (part: Buffer) => {
        parts.push(part.subarray(0, left));
        left -= part.length;
        if (left > 0) return;
        finish();
        sent.destroy();
      });
      response.on("end", finish);
      response.on("error", reject);
    });
    sent.on("error", (error) =>
      reject(deadline.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error),
    );
    sent.end(body);
  });
}
