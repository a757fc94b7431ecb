/** Which objects' bytes are being read right now: a spool record is only released when nobody reads it. */
export class ObjectUse {
  readonly #readers = new Map<string, number>();
  readonly #moving = new Map<string, Promise<void>>();

  /** Runs `read` while the object's bytes stay where they are. */
  async reading<T>(id: string, read: () => Promise<T>): Promise<T> {
    for (let moving = this.#moving.get(id); moving; moving = this.#moving.get(id)) await moving;
    this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    try {
      return await read();
    } finally {
      const left = this.#readers.get(id)! - 1;
      if (left > 0) this.#readers.set(id, left);
      else this.#readers.delete(id);
    }
  }

  /** Runs `move` alone; false, and nothing is run, while somebody reads or moves the object. */
  async moving(id: string, move: () => Promise<void>): Promise<boolean> {
    if (this.#readers.has(id) || this.#moving.has(id)) return false;
    const done = move();
    this.#moving.set(
      id,
      done.catch(() => undefined),
    );
    try {
      await done;
      return true;
    } finally {
      this.#moving.delete(id);
    }
  }
}
