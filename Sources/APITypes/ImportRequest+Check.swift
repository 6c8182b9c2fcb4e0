// SPDX-License-Identifier: Apache-2.0

import Model

extension ImportRequest {
    /// What is wrong with it, field by field; empty: nothing that can be seen without asking the source.
    public var errors: [FieldError] {
        var errors: [FieldError] = []
        switch (url, upload) {
        case (nil, nil):
            errors.append(FieldError(field: "url", message: "is missing", hint: "name a url, or an upload"))
        case (_?, _?):
            errors.append(
                FieldError(field: "upload", message: "is one source too many", hint: "name a url or an upload"))
        case (let url?, nil):
            if let error = SourceURL.error(url) { errors.append(error) }
        case (nil, let upload?):
            if !UploadName.isValid(upload) {
                errors.append(FieldError(field: "upload", message: "is not a plain file name"))
            }
        }
        if let sha256, Digest(sha256) == nil {
            errors.append(FieldError(field: "sha256", message: "is not a SHA-256", hint: "write 64 hex digits"))
        }
        return errors
    }
}

/// The names of uploaded files.
public enum UploadName {
    /// A name in one directory, as any file system takes it.
    public static func isValid(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= Limits.uploadNameBytesMax && !text.hasPrefix(".")
            && text.unicodeScalars.allSatisfy { $0 != "/" && $0 != "\\" && $0.properties.generalCategory != .control }
    }
}

/// Where an import may fetch a file.
public enum SourceURL {
    /// Nil: it is one.
    public static func error(_ text: String) -> FieldError? {
        func refusal(_ message: String, _ hint: String? = nil) -> FieldError {
            FieldError(field: "url", message: message, hint: hint)
        }
        guard text.utf8.count <= Limits.sourceURLBytesMax else {
            return refusal("is longer than \(Limits.sourceURLBytesMax) bytes")
        }
        guard let scheme = ["http://", "https://"].first(where: text.lowercased().hasPrefix) else {
            return refusal("is not an http or https URL", "such as https://mirror.example/debian-12.iso")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }) else {
            return refusal("has a character that URLs cannot have", "write %20 for a blank")
        }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if authority.contains("@") {
            return refusal(
                "holds a password or a user's name",
                "everybody who sees the image would see it: use --file, or a plain URL")
        }
        return authority.isEmpty || authority.hasPrefix(":") ? refusal("names no host") : nil
    }
}
