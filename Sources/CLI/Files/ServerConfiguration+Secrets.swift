// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model

extension ServerConfiguration {
    /// A file that the configuration names and the store's client needs.
    public struct NeededFile: Hashable, Sendable {
        /// "store.etcd.passwordFile"
        public var field: String
        public var path: String
        /// Nobody else may read it.
        public var isSecret: Bool
    }

    /// The files that the store's client reads at its start, in the order of the configuration.
    public var neededFiles: [NeededFile] {
        switch store {
        case .sqlite: []
        case .etcd(let etcd):
            Self.files(etcd.tls, "store.etcd")
                + Self.file("store.etcd.passwordFile", etcd.passwordFile, isSecret: true)
        case .consul(let consul):
            Self.file("store.consul.tokenFile", consul.tokenFile, isSecret: true)
                + Self.files(consul.tls, "store.consul")
        }
    }

    /// The etcd user's password or Consul's token, without white space around it; nil when none is configured. Throws
    /// a line that names the field and the file where it cannot be read.
    public func storeSecret() throws(FileErrors) -> String? {
        guard let file = neededFiles.first(where: { $0.field.hasSuffix("File") }) else { return nil }
        return try Self.secret(file)
    }

    private static func secret(_ file: NeededFile) throws(FileErrors) -> String {
        let text: String
        do throws(FileErrors) { text = try TextFile.read(path: file.path) } catch {
            throw FileErrors(error.lines.map { "\(file.field): \($0)" })
        }
        let blanks: Set<Character> = [" ", "\t", "\n", "\r", "\r\n"]
        let secret = text.drop { blanks.contains($0) }.prefix { !blanks.contains($0) }
        let rest = text.drop { blanks.contains($0) }.dropFirst(secret.count)
        guard !secret.isEmpty, secret.utf8.count <= Limits.tokenBytesMax, rest.allSatisfy({ blanks.contains($0) })
        else {
            throw FileErrors([
                "\(file.field): \(file.path) must hold one word of at most \(Limits.tokenBytesMax) bytes and no more"
            ])
        }
        return String(secret)
    }

    private static func files(_ tls: TLS, _ field: String) -> [NeededFile] {
        file("\(field).tls.ca", tls.ca) + file("\(field).tls.cert", tls.certificate)
            + file("\(field).tls.key", tls.key, isSecret: true)
    }

    private static func file(_ field: String, _ path: String?, isSecret: Bool = false) -> [NeededFile] {
        path.map { [NeededFile(field: field, path: $0, isSecret: isSecret)] } ?? []
    }
}

extension ServerConfiguration.NeededFile {
    /// Why it cannot be used by the user who asks; nil: it can.
    var problem: String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "cannot read \(path): \(String(cString: strerror(errno)))" }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return "\(path) is not a file"
        }
        return status.st_size == 0 ? "\(path) is empty" : nil
    }

    /// Whether everybody on the machine can read a secret.
    var isOpenToAll: Bool {
        var status = stat()
        return isSecret && stat(path, &status) == 0 && status.st_mode & S_IROTH != 0
    }
}
