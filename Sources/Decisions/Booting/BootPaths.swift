// SPDX-License-Identifier: Apache-2.0

import Addresses

/// The names and URLs under which one machine finds its boot files. `BootPath` reads them again.
public struct BootPaths: Hashable, Sendable {
    public var endpoint: BootEndpoint
    public var mac: MACAddress
    /// For the script: a boot token. Nil: whoever asks must have the machine's address.
    public var token: String?
    /// For answer files and reports: a stage token.
    public var stageToken: String?

    public init(endpoint: BootEndpoint, mac: MACAddress, token: String? = nil, stageToken: String? = nil) {
        self.endpoint = endpoint
        self.mac = mac
        self.token = token
        self.stageToken = stageToken
    }

    /// "b/52-54-00-12-34-56": loaders, which are no secret.
    public var directory: String { "b/\(mac.hyphenated)" }
    /// "b/52-54-00-12-34-56.TOKEN": the machine's iPXE script.
    public var scriptPath: String { directory + (token.map { ".\($0)" } ?? "") }
    /// What answer files and reports lie beneath.
    public var stagePath: String { directory + (stageToken.map { ".\($0)" } ?? "") }

    public var scriptURL: String { "\(endpoint.base)/\(scriptPath)" }
    public var answersURL: String { "\(endpoint.base)/\(stagePath)/a" }
    public var doneURL: String { "\(endpoint.base)/\(stagePath)/done" }
    /// Where progress is reported; a step's name follows after a slash.
    public var progressURL: String { "\(endpoint.base)/\(stagePath)/p" }

    /// A loader's name by TFTP, in a directory of the machine's own: a newer iPXE then finds its autoexec.ipxe there,
    /// and needs no second DHCP round.
    func loaderName(_ content: String) -> String { "\(directory)/\(content.dropFirst(BootPath.loaderSet.count))" }
    func loaderURL(_ content: String) -> String { "\(endpoint.base)/\(loaderName(content))" }
    func loaderTFTPURL(_ content: String) -> String { "tftp://\(endpoint.address)/\(loaderName(content))" }
}
