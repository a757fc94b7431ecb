/** Whether an object says to be from the equipment that a sealer stands beside. Pure. */
import { findElement, nameTextOf } from "../../../dicom/elements.ts";
import type { DicomObject } from "../../../dicom/model.ts";
import { formatTag, type Tag, tags } from "../../../dicom/tags.ts";
import { latin1, utf8 } from "../../../foundation/bytes.ts";
import type { EquipmentSettings } from "../../../zero-trust/gateway/settings.ts";

const equipmentTags = {
  manufacturer: 0x00080070,
  stationName: 0x00081010,
  model: 0x00081090,
  deviceUid: 0x00181002,
} as const;

/** The tags of what does not fit: absent, another value, or several. Spaces around values are no difference. */
export function unlikeEquipment(
  { elements }: Pick<DicomObject, "elements">,
  serialNumber: string,
  { modalities, manufacturer, model, station, deviceUid }: EquipmentSettings,
): readonly string[] {
  const expected: readonly (readonly [Tag, readonly string[] | undefined])[] = [
    [tags.modality, modalities],
    [equipmentTags.manufacturer, [manufacturer]],
    [equipmentTags.model, [model]],
    [tags.deviceSerialNumber, [serialNumber]],
    [equipmentTags.stationName, station === undefined ? undefined : [station]],
    [equipmentTags.deviceUid, deviceUid === undefined ? undefined : [deviceUid]],
  ];
  return expected.flatMap(([tag, values]) => {
    if (!values) return [];
    const found = nameTextOf(elements, tag)?.trim();
    // The configuration is UTF-8; an object in another character set has the bytes of its own.
    const fits = values.some((value) => found === value.trim() || found === asBytes(value.trim()));
    return fits && findElement(elements, tag) ? [] : [formatTag(tag)];
  });
}

/** As a reader of ISO 8859-1 sees its UTF-8. */
function asBytes(text: string): string {
  return latin1(utf8(text));
}
