/** The exported contract, held against the store on LevelDB. */
import { test } from "uvu";
import { storeContract } from "../../src/lineage-store/contract/contract.js";
import { LineageStore } from "../../src/lineage-store/store.js";
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

test.run();
