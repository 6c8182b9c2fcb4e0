// SPDX-License-Identifier: Apache-2.0

/// The media type of a content file, by its extension. UEFI HTTP boot looks at it: an image is `application/efi`, or a
/// disk as `application/vnd.efi-iso` or `-img` (UEFI 2.10, 24.7.3.1), which some firmware also boots by extension.
enum ContentType {
    static func of(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return binary }
        return byExtension[name[name.index(after: dot)...].lowercased()] ?? binary
    }

    private static let binary = "application/octet-stream"

    private static let byExtension: [String: String] = [
        "efi": "application/efi", "iso": binary, "img": binary, "gz": binary, "xz": binary, "zst": binary,
        "ipxe": "text/plain", "cfg": "text/plain", "conf": "text/plain", "txt": "text/plain", "yaml": "text/plain",
        "yml": "text/plain", "ks": "text/plain", "sh": "text/plain", "json": "application/json",
        "xml": "application/xml",
    ]
}
