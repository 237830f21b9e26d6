/** The exported contract, held against the store on LevelDB and against the store in memory that other tests compare it with. */
import { test } from "uvu";
import { storeContract } from "../../src/lineage-store/contract/contract.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { MemoryStore } from "./memory-store.js";
import { freshDir } from "./support.js";

storeContract({
  test: (name, work) => test(`LevelDB: ${name}`, work),
  open: async (nowMs) => {
    const dir = freshDir();
    let store = await LineageStore.open(dir, { nowMs });
    return {
      store,
      reopen: async () => {
        await store.close();
        store = await LineageStore.open(dir, { nowMs });
        return store;
      },
      close: () => store.close(),
    };
  },
});

storeContract({
  test: (name, work) => test(`memory: ${name}`, work),
  open: async (nowMs) => {
    const store = new MemoryStore(nowMs);
    return { store, reopen: async () => store, close: async () => undefined };
  },
});

test.run();
