/**
 * File names in content: the one rule for the name of a file and for the paths in a tar.
 *
 * Refused with `content-path`: absolute paths, empty segments, `.` and `..`, hidden files, a leading `-` (a program
 * might take it for an option), NUL and other control characters, spaces, backslashes, shell metacharacters, and
 * everything beyond ASCII, which leaves no look-alikes and no normal forms to choose from.
 *
 * @module
 */
import { accept, refuse, type Verdict } from "./errors.ts";
import { LIMITS } from "./limits.ts";

const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._@+=,-]*$/;

/** Checks the name of one file, without directories: a segment of at most {@link LIMITS.fileNameBytes} bytes. */
export function checkFileName(name: string): Verdict<string> {
  // Length first, so that a refusal never quotes more than a name's worth.
  if (name.length > LIMITS.fileNameBytes) {
    return refuse("content-path", `file name has ${name.length} characters, at most ${LIMITS.fileNameBytes}`);
  }
  if (!SEGMENT.test(name)) {
    return refuse(
      "content-path",
      `file name is ${
        JSON.stringify(name)
      }, wanted a letter or digit, then letters, digits and . _ @ + = , -`,
    );
  }
  return accept(name);
}

/** Checks a relative path: file names joined by `/`, at most {@link LIMITS.filePathDepth} of them. */
export function checkFilePath(path: string): Verdict<string> {
  const segments = path.split("/", LIMITS.filePathDepth + 1);
  if (segments.length > LIMITS.filePathDepth) {
    return refuse("content-path", `path has more than ${LIMITS.filePathDepth} segments`);
  }
  for (const segment of segments) {
    const checked = checkFileName(segment);
    if (!checked.ok) return checked;
  }
  return accept(path);
}
