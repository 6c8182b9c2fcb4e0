// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Rooms and their arrows: see ARCHITECTURE.md. Arrows point down only; Tests/TidyTests checks it.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "ondeck",
    products: [.executable(name: "ondeck", targets: ["ondeck"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // Floor 0: bytes and nouns. The standard library only.
        .target(name: "Addresses", swiftSettings: strict),
        .target(name: "Wire", dependencies: ["Addresses"], swiftSettings: strict),
        .target(name: "Model", dependencies: ["Addresses"], swiftSettings: strict),
        .target(name: "CLinux"),
        // Floor 1: what decides, and the versioned types of API and files.
        .target(name: "Decisions", dependencies: ["Addresses", "Wire", "Model"], swiftSettings: strict),
        .target(name: "APITypes", dependencies: ["Addresses", "Wire", "Model"], swiftSettings: strict),
        // Floor 2: what we ask of the world, and what runs effects.
        .target(name: "Ports", dependencies: ["Model"], swiftSettings: strict),
        .target(
            name: "Engine",
            dependencies: [
                "Addresses", "Wire", "Model", "Decisions", "APITypes", "Ports", "CLinux",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            swiftSettings: strict),
        // Floor 3: sockets, stores, the command line. Nothing here imports a neighbour.
        .target(
            name: "DHCPService",
            dependencies: [
                "Addresses", "Wire", "Model", "Decisions", "Engine", "CLinux",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "TFTPService",
            dependencies: [
                "Addresses", "Wire", "Model", "Decisions", "Engine", "CLinux",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "HTTPService",
            dependencies: [
                "Addresses", "Model", "Decisions", "APITypes", "Engine", "CLinux",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "StoreSQLite",
            dependencies: ["Model", "Ports", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "StoreEtcd",
            dependencies: [
                "Model", "Ports",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict),
        .target(
            name: "StoreConsul",
            dependencies: [
                "Model", "Ports",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict),
        .target(
            name: "PeerService",
            dependencies: [
                "Addresses", "Model", "CLinux",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "DrillService",
            dependencies: ["Addresses", "Wire", "Model", "Decisions", "APITypes", "CLinux"],
            swiftSettings: strict),
        .target(
            name: "ContentService",
            dependencies: [
                "Addresses", "Model", "Decisions", "APITypes", "Engine", "Ports", "CLinux",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict),
        .target(
            name: "CLI",
            dependencies: [
                "Addresses", "Wire", "Model", "APITypes", "Ports",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        // Floor 4: composition sees everything.
        .executableTarget(
            name: "ondeck",
            dependencies: [
                "Addresses", "Wire", "Model", "Decisions", "APITypes", "Ports", "Engine",
                "ContentService", "DHCPService", "DrillService", "TFTPService", "HTTPService", "PeerService",
                "StoreSQLite", "StoreEtcd", "StoreConsul",
                "CLI",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict,
            // Relocations in 32 KiB instead of 3.7 MiB: the loader reads them at each start, and they stay in memory.
            linkerSettings: [.unsafeFlags(["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"])]),
        // Test support: a deterministic world, and a program that tests kill.
        .target(
            name: "Simulation",
            dependencies: [
                "Addresses", "Wire", "Model", "Decisions", "APITypes", "Ports", "Engine",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "ondeck-sim",
            dependencies: ["Simulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .executableTarget(
            name: "StoreProbe", dependencies: ["Addresses", "Engine", "Model", "Ports", "StoreSQLite"],
            path: "Tests/StoreProbe", swiftSettings: strict),
        // Tests mirror sources.
        .testTarget(name: "AddressesTests", dependencies: ["Addresses"], swiftSettings: strict),
        .testTarget(name: "WireTests", dependencies: ["Addresses", "Wire"], swiftSettings: strict),
        .testTarget(
            name: "APITypesTests", dependencies: ["APITypes", "Addresses", "Model", "Wire"], swiftSettings: strict),
        .testTarget(
            name: "DecisionsTests", dependencies: ["Addresses", "Decisions", "Model", "Wire"], swiftSettings: strict),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "APITypes", "Addresses", "CLinux", "Decisions", "Engine", "Model", "Ports", "Simulation", "StoreSQLite",
                "Wire",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Model", "Ports", "Simulation", "StoreConsul", "StoreEtcd", "StoreProbe", "StoreSQLite",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PeerServiceTests",
            dependencies: [
                "Addresses", "CLinux", "Model", "PeerService",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DHCPServiceTests",
            dependencies: [
                "Addresses", "CLinux", "DHCPService", "Decisions", "Engine", "Model", "Wire",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "TFTPServiceTests",
            dependencies: [
                "Addresses", "CLinux", "Decisions", "Engine", "Model", "TFTPService", "Wire",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HTTPServiceTests",
            dependencies: [
                "APITypes", "Addresses", "Decisions", "Engine", "HTTPService", "Model",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ContentServiceTests",
            dependencies: [
                "APITypes", "Addresses", "ContentService", "Decisions", "Engine", "Model", "Ports", "Simulation",
                "StoreSQLite",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CLITests",
            dependencies: [
                "APITypes", "Addresses", "CLI", "Model", "Ports", "Simulation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
    ]
)
