/**
 * "PatientBirthDate" -> "Patient Birth Date": the name that most keywords stand for (PS3.6 section 5: the keyword is the name without
 * blanks and punctuation). The dictionary stores a name only where this gives another.
 */
export function spellKeyword(keyword: string): string {
  return keyword
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .replace(/\b(Of|In|For|To|The|And|Or|By|On|From|With|At|Per)\b(?!$)/g, (word, _w, at: number) =>
      at === 0 ? word : word.toLowerCase(),
    );
}
