/** Case and spaces do not make a second person. */
export function isSamePerson(one: string, other: string): boolean {
  const plain = (name: string): string => name.normalize("NFKC").replace(/\s+/gu, "").toLowerCase();
  return plain(one) === plain(other);
}
