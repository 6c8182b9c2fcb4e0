// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Model

/// Unpacks archives and disk images with bsdtar (libarchive), which reads ISO 9660, tar and what they are packed with,
/// and never writes outside its directory.
enum Unpacker {
    static let program = "bsdtar"

    /// On the caller's own thread. `check`: called several times a second while it runs; what it throws ends it.
    static func unpack(
        _ archive: String, into directory: String, check: () throws(ImportFault) -> Void
    ) throws(ImportFault) {
        guard let path = find(program) else {
            throw .failed("\(program) is not installed here, and unpacks ISO and tar files (package libarchive-tools)")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        // Nobody's owner, nobody's set-user-id; what a symbolic link leads to is looked at later.
        process.arguments = ["-x", "-f", archive, "-C", directory, "--no-same-owner", "--no-same-permissions", "-m"]
        let complaints = directory + ".log"
        _ = FileManager.default.createFile(atPath: complaints, contents: nil)
        defer { unlink(complaints) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: complaints)
        do { try process.run() } catch { throw .failed("cannot start \(program): \(error.localizedDescription)") }
        while process.isRunning {
            do throws(ImportFault) { try check() } catch {
                process.terminate()
                process.waitUntilExit()
                throw error
            }
            usleep(50_000)
        }
        guard process.terminationStatus == 0 else { throw .failed(reason(complaints, process.terminationStatus)) }
    }

    private static func reason(_ complaints: String, _ status: Int32) -> String {
        // An archive of a million faults has a million complaints.
        let file = FileHandle(forReadingAtPath: complaints)
        let text = String(decoding: (try? file?.read(upToCount: 64 << 10)) ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { !$0.isEmpty }
        if lines.contains(where: { $0.contains("No space left") }) { return "it cannot be unpacked: the disk is full" }
        let first = lines.first.map { $0.hasPrefix("bsdtar: ") ? $0.dropFirst(8) : $0 } ?? "status \(status)"
        return "it cannot be unpacked: \(first.prefix(200))"
    }

    private static func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}
