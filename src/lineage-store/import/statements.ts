/** What a document says, in the store's words: the outcome of reading it, before anything is written. */
import type { NewDeclaration, NewExternal } from "../declared.js";

export interface Statements {
  readonly externals: NewExternal[];
  readonly declarations: NewDeclaration[];
}
