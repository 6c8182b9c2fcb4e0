// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import Glibc
import Testing

/// A directory of its own for each test, removed with it.
private final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/ondeck-content-XXXXXX\0".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    func write(_ name: String, _ text: String = "x") throws {
        let file = try #require(fopen("\(path)/\(name)", "w"))
        fputs(text, file)
        fclose(file)
    }

    func directory(_ name: String) { mkdir("\(path)/\(name)", 0o755) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func kind(_ content: ContentCatalog.Content) -> String {
    switch content {
    case .file(let file, let type): "\(file.size) \(type)"
    case .missing(let reason): "missing: \(reason)"
    case .unreadable(let reason): "unreadable: \(reason)"
    }
}

@Suite struct ContentCatalogTests {
    @Test func namesLeadToFiles() throws {
        let scratch = try Scratch()
        scratch.directory("deep")
        try scratch.write("a.efi", "four")
        try scratch.write("deep/b.ipxe", "#!ipxe\n")
        let catalog = ContentCatalog(sets: ["set": [.init(path: scratch.path)]])
        #expect(kind(catalog.open(name: "set/a.efi")) == "4 application/efi")
        #expect(kind(catalog.open(name: "set/deep/b.ipxe")) == "7 text/plain")
        #expect(kind(catalog.open(name: "set/c")) == "missing: the content set \"set\" has no \"c\"")
        #expect(kind(catalog.open(name: "set/deep")) == "missing: the content set \"set\" has no \"deep\"")
        #expect(kind(catalog.open(name: "other/a.efi")) == "missing: there is no content set \"other\"")
        #expect(kind(catalog.open(name: "set")) == "missing: a content name is SET/PATH")
    }

    @Test func nothingLeadsOut() throws {
        let scratch = try Scratch()
        try scratch.write("secret")
        scratch.directory("set")
        symlink("../secret", "\(scratch.path)/set/link")
        symlink("/etc/passwd", "\(scratch.path)/set/absolute")
        let catalog = ContentCatalog(sets: ["set": [.init(path: "\(scratch.path)/set")]])
        for name in [
            "set/../secret", "set//secret", "set/./secret", "set/..", "set/link", "set/absolute", "set\\secret",
        ] {
            #expect(kind(catalog.open(name: name)).hasPrefix("missing: "), "\(name)")
        }
    }

    @Test func directoriesAreTriedInOrder() throws {
        let first = try Scratch()
        let second = try Scratch()
        try first.write("both", "1")
        try second.write("both", "22")
        try second.write("later", "333")
        let catalog = ContentCatalog(sets: ["set": [.init(path: first.path), .init(path: second.path)]])
        #expect(kind(catalog.open(name: "set/both")) == "1 application/octet-stream")
        #expect(kind(catalog.open(name: "set/later")) == "3 application/octet-stream")
    }

    /// Debian links /usr/lib/ipxe/ipxe.efi to /boot/ipxe.efi: /boot is a source, for that name and no other.
    @Test func aSourceMayLendSingleNames() throws {
        let package = try Scratch()
        let boot = try Scratch()
        symlink("\(boot.path)/ipxe.efi", "\(package.path)/ipxe.efi")
        try package.write("undionly.kpxe", "1")
        try boot.write("ipxe.efi", "22")
        try boot.write("initrd.img", "secret")
        let catalog = ContentCatalog(sets: [
            "ipxe": [.init(path: package.path), .init(path: boot.path, only: ["ipxe.efi"])]
        ])
        #expect(kind(catalog.open(name: "ipxe/ipxe.efi")) == "2 application/efi")
        #expect(
            kind(catalog.open(name: "ipxe/initrd.img")) == "missing: the content set \"ipxe\" has no \"initrd.img\"")
        #expect(catalog.availableLoaders() == ["ipxe/ipxe.efi", "ipxe/undionly.kpxe"])
    }

    @Test func aDirectoryMayComeLater() throws {
        let scratch = try Scratch()
        let catalog = ContentCatalog(sets: ["set": [.init(path: "\(scratch.path)/later")]])
        #expect(kind(catalog.open(name: "set/a")).hasPrefix("missing: "))
        scratch.directory("later")
        try scratch.write("later/a")
        #expect(kind(catalog.open(name: "set/a")) == "1 application/octet-stream")
    }

    @Test func aDirectoryMayBeReplaced() throws {
        let scratch = try Scratch()
        for version in ["v1", "v2"] {
            scratch.directory(version)
            try scratch.write("\(version)/\(version)")
        }
        symlink("v1", "\(scratch.path)/current")
        let catalog = ContentCatalog(sets: ["set": [.init(path: "\(scratch.path)/current")]])
        #expect(kind(catalog.open(name: "set/v1")) == "1 application/octet-stream")
        unlink("\(scratch.path)/current")
        symlink("v2", "\(scratch.path)/current")
        #expect(kind(catalog.open(name: "set/v2")) == "1 application/octet-stream")
        #expect(kind(catalog.open(name: "set/v1")).hasPrefix("missing: "))
    }

    /// Too many links is a name that leads nowhere; a name too long for the file system too.
    @Test func whatTheFileSystemRefusesIsMissing() throws {
        let scratch = try Scratch()
        symlink("loop", "\(scratch.path)/loop")
        let catalog = ContentCatalog(sets: ["set": [.init(path: scratch.path)]])
        #expect(kind(catalog.open(name: "set/loop")).hasPrefix("missing: "))
        #expect(kind(catalog.open(name: "set/" + String(repeating: "x", count: 300))).hasPrefix("missing: "))
    }

    @Test func unreadableIsNotMissing() throws {
        let scratch = try Scratch()
        // A socket is there, and opening it fails for everybody, root included.
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(scratch.path)/socket\0".utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        let catalog = ContentCatalog(sets: ["set": [.init(path: scratch.path)]])
        #expect(
            kind(catalog.open(name: "set/socket")) == "unreadable: \(scratch.path)/socket: No such device or address")
    }

    @Test(arguments: [
        ("a.EFI", "application/efi"), ("a.iso", "application/octet-stream"), ("linux", "application/octet-stream"),
        ("dir.efi/linux", "application/octet-stream"), ("a.json", "application/json"), ("a.b.cfg", "text/plain"),
    ])
    func contentTypes(name: String, type: String) throws {
        let scratch = try Scratch()
        scratch.directory("dir.efi")
        try scratch.write(name)
        let catalog = ContentCatalog(sets: ["set": [.init(path: scratch.path)]])
        #expect(kind(catalog.open(name: "set/\(name)")) == "1 \(type)")
    }
}
