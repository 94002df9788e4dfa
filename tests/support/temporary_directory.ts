/** A directory that is removed when the test ends: `await using directory = await temporaryDirectory()`. */
export interface TemporaryDirectory extends AsyncDisposable {
  /** Its path. */
  readonly path: string;
  /** The path of a file in it. */
  readonly file: (name: string) => string;
}

/** Makes one. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await Deno.makeTempDir({ prefix: "vnfchain-test-" });
  return {
    path,
    file: (name) => `${path}/${name}`,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
