// SPDX-License-Identifier: Apache-2.0

/// What a machine is, as far as boot files care.
public enum Architecture: String, Sendable, CaseIterable {
    case x86, x64, arm32, arm64, riscv64, loongarch64
}

/// Something that a machine can boot.
public struct BootEnvironment: Hashable, Sendable {
    /// The files of one architecture. Names are content names ("debian-12/linux") or absolute http URLs.
    public struct Files: Hashable, Sendable {
        public var kernel: String
        public var initrds: [String] = []
        /// The kernel's arguments: a Mustache template.
        public var arguments: String = ""
        public init(kernel: String) { self.kernel = kernel }
    }

    public enum Kind: Hashable, Sendable {
        /// A Linux kernel (or another image that iPXE's `kernel` and `boot` take), by architecture.
        case kernel([Architecture: Files])
        /// An iPXE script: a Mustache template, by its name.
        case script(template: String)
        /// From disk.
        case local
        /// An interactive iPXE shell.
        case shell
    }

    public var name: String
    public var summary: String = ""
    public var kind: Kind
    /// Files rendered for each machine on request: the name under the machine's URL -> the template's name.
    public var answers: [String: String] = [:]
    public var parameters: Parameters = [:]

    public init(name: String, kind: Kind) { self.name = name; self.kind = kind }
}

/// A Mustache template by name.
public struct Template: Hashable, Sendable {
    public var name: String
    public var text: String
    public init(name: String, text: String) { self.name = name; self.text = text }
}
