// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors here and in CI; a newer toolchain that warns about more can still build with HERMES_OPS_LENIENT=1.
let strict = Context.environment["HERMES_OPS_LENIENT"] == nil

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "hermes-ops-runner",
    products: [
        .executable(name: "hermes-ops-runner", targets: ["hermes-ops-runner"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // System libraries: a module map each, and C only for what Swift cannot call.
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CGit2", pkgConfig: "libgit2", providers: [.apt(["libgit2-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CSieve"),
        // Data compiled into the program: policy, token rules, schemas, templates.
        .target(name: "EmbeddedData", exclude: ["data"]),

        // The house, from the ground up.
        .target(name: "Support", dependencies: ["CCrypto", "CLinux", "CSodium", logging, sqlite, subprocess, system]),
        .target(name: "HTTP", dependencies: ["CCurl", "Support", logging, system]),
        .target(name: "HermesHome", dependencies: ["Support", sqlite, system, yams]),
        .target(
            name: "Sanitizer",
            dependencies: [
                "CPCRE2", "CSieve", "CSodium", "CZlib", "EmbeddedData", "HermesHome", "Support", system, yams,
            ]),
        .target(
            name: "GitBackup", dependencies: ["CGit2", "CLinux", "CZlib", "HTTP", "Support", logging, system]),
        .target(
            name: "Bundles",
            dependencies: ["CCrypto", "CLinux", "CSodium", "CZstd", "Support", crypto, sqlite, system]),
        .target(name: "Stores", dependencies: ["CLinux", "Support", system]),
        .target(
            name: "DriveUpload", dependencies: ["CCrypto", "HTTP", "Stores", "Support", logging, system]),
        .target(
            name: "RestoreDrill",
            dependencies: [
                "Bundles", "CSodium", "GitBackup", "HermesHome", "Sanitizer", "Support", grdb, logging, subprocess,
                system, yams,
            ]),
        .target(name: "Notify", dependencies: ["HTTP", "Support", logging, system]),
        .target(
            name: "InstanceState",
            dependencies: ["HermesHome", "Support", system]),
        .target(name: "Units", dependencies: ["EmbeddedData", "Support", logging, system]),
        .target(
            name: "Jobs", dependencies: ["EmbeddedData", "Support", grdb, logging, subprocess, system, yams]),
        .executableTarget(
            name: "hermes-ops-runner",
            dependencies: [
                "Bundles", "DriveUpload", "EmbeddedData", "GitBackup", "HTTP", "HermesHome", "InstanceState", "Jobs",
                "Notify", "RestoreDrill", "Sanitizer", "Stores", "Support", "Units", argumentParser, logging, system,
            ]),

        // Tests mirror sources.
        .target(name: "TestSupport", dependencies: ["Support", subprocess, system], path: "Tests/TestSupport"),
        .testTarget(name: "SupportTests", dependencies: ["CLinux", "Support", "TestSupport", system]),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Support", "TestSupport", subprocess, system]),
        .testTarget(
            name: "HermesHomeTests", dependencies: ["HermesHome", "Support", "TestSupport", subprocess, system]),
        .testTarget(
            name: "SanitizerTests",
            dependencies: ["HermesHome", "Sanitizer", "Support", "TestSupport", subprocess, system, yams]),
        .testTarget(
            name: "GitBackupTests", dependencies: ["GitBackup", "HTTP", "Support", "TestSupport", subprocess, system]),
        .testTarget(
            name: "BundlesTests",
            dependencies: ["Bundles", "CZlib", "Support", "TestSupport", subprocess, system],
            exclude: ["Vectors"]),
        .testTarget(name: "StoresTests", dependencies: ["Stores", "Support", "TestSupport", system]),
        .testTarget(
            name: "DriveUploadTests",
            dependencies: ["DriveUpload", "HTTP", "Stores", "Support", "TestSupport", subprocess, system]),
        .testTarget(
            name: "RestoreDrillTests",
            dependencies: [
                "Bundles", "GitBackup", "HermesHome", "RestoreDrill", "Sanitizer", "Support", "TestSupport", grdb,
                subprocess, system,
            ]),
        .executableTarget(
            name: "NotifyProbe", dependencies: ["HTTP", "Notify", "Support", system], path: "Tests/NotifyProbe"),
        .testTarget(
            name: "NotifyTests",
            dependencies: ["HTTP", "Notify", "NotifyProbe", "Support", "TestSupport", subprocess, system]),
        .testTarget(
            name: "InstanceStateTests",
            dependencies: ["HermesHome", "InstanceState", "Support", "TestSupport", subprocess, system],
            exclude: ["examples"]),
        .executableTarget(name: "UnitsProbe", dependencies: ["Support", "Units", system], path: "Tests/UnitsProbe"),
        .testTarget(
            name: "UnitsTests", dependencies: ["Support", "TestSupport", "Units", "UnitsProbe", subprocess, system]),
        .testTarget(
            name: "JobsTests",
            dependencies: ["Jobs", "Support", "TestSupport", grdb, logging, subprocess, system, yams]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["Support", "TestSupport", "hermes-ops-runner", subprocess, system],
            resources: [.copy("Resources")]),
    ],
    swiftLanguageModes: [.v6]
)

// For work on one module: HERMES_OPS_ONLY_TESTS=BundlesTests,StoresTests leaves the other test targets out of the build.
if let only = Context.environment["HERMES_OPS_ONLY_TESTS"]?.split(separator: ",").map(String.init) {
    package.targets.removeAll { $0.type == .test && !only.contains($0.name) }
}

for target in package.targets where ![.system, .plugin, .binary].contains(target.type) {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
    if strict {
        settings.append(.treatAllWarnings(as: .error))
        // The few targets in C.
        target.cSettings = (target.cSettings ?? []) + [.treatAllWarnings(as: .error)]
    }
    target.swiftSettings = settings
}
