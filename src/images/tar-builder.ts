/** A small archive made in memory: the same input gives the same bytes, and so the same digest. */
import { type Header, pack } from 'tar-stream';

/** Owners are root unless given; every time is the epoch. */
export class TarBuilder {
  readonly #pack = pack();
  readonly #known = new Set<string>();

  /** A path that is there already stays as it is. */
  has(path: string): boolean {
    return this.#known.has(path);
  }

  directory(path: string, mode = 0o755, gid = 0): this {
    return this.#entry({ name: `${path}/`, type: 'directory', mode, gid }, path);
  }

  file(path: string, content: string | Buffer, mode = 0o644, gid = 0, uid = 0): this {
    return this.#entry({ name: path, type: 'file', mode, gid, uid }, path, content);
  }

  symlink(path: string, target: string): this {
    return this.#entry({ name: path, type: 'symlink', mode: 0o777, linkname: target }, path);
  }

  /** To a file of the same archive. */
  hardlink(path: string, target: string): this {
    return this.#entry({ name: path, type: 'link', mode: 0o755, linkname: target }, path);
  }

  /** Call once, at the end. */
  async *archive(): AsyncGenerator<Buffer> {
    this.#pack.finalize();
    for await (const chunk of this.#pack) yield chunk as Buffer;
  }

  #entry(header: Partial<Header> & { readonly name: string }, path: string, content?: string | Buffer): this {
    if (this.#known.has(path)) return this;
    this.#known.add(path);
    this.#pack.entry({ uid: 0, gid: 0, mtime: new Date(0), ...header }, content ?? '');
    return this;
  }
}
