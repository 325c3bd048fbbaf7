internal import Bundles
internal import Sanitizer
internal import Support
public import SystemPackage

/// A home that was restored from a source into a private folder, and what its source says about it.
///
/// The folder lives as long as this object, unless it is kept.
public final class RestoredHome: Sendable {
    /// Where Hermes would find it: HERMES_HOME.
    public let home: FilePath
    /// What it came from; one, or with `both` the repository and the bundle.
    public let origins: [Receipt.Origin]
    /// `fetch` and `open`.
    public let phases: [Receipt.Phase]
    /// As the source is named in receipts.
    public let label: String

    let folder: DrillFolder
    let expectations: Expectations
    /// Names of paths in the repository's folder that are not the home's: where the manifest and the canary lie.
    let repository: RepositoryPart?
    let bundleCanary: FilePath?
    /// Of `both`: what the two disagree in.
    let agreement: CheckFinding?

    /// The repository's part, whose manifest stays beside the home.
    struct RepositoryPart: Sendable {
        /// Holds MANIFEST.json and the canary.
        var aside: FilePath
        /// Of `both`: what the checks said of the repository's part before the bundle was laid over it.
        var earlier: [CheckName: CheckFinding] = [:]
    }

    init(
        home: FilePath, origins: [Receipt.Origin], phases: [Receipt.Phase], label: String, folder: DrillFolder,
        expectations: Expectations, repository: RepositoryPart?, bundleCanary: FilePath?, agreement: CheckFinding?
    ) {
        self.home = home
        self.origins = origins
        self.phases = phases
        self.label = label
        self.folder = folder
        self.expectations = expectations
        self.repository = repository
        self.bundleCanary = bundleCanary
        self.agreement = agreement
    }

    /// Where the canaries lie, and what they have to be.
    var canaries: [(file: FilePath, bytes: [UInt8])] {
        var canaries: [(file: FilePath, bytes: [UInt8])] = []
        if let repository { canaries.append((repository.aside.pushing(FilePath(bytes: Canary.path)), Canary.bytes)) }
        if let bundleCanary { canaries.append((bundleCanary, BundleCanary.bytes)) }
        return canaries
    }

    /// The folder that holds the home.
    public var location: FilePath { folder.path }

    /// Leaves the folder behind for a person to look at.
    public func keep() throws { try folder.keep() }

    /// Removes the folder, unless it is kept.
    public func remove() throws { try folder.remove() }
}
