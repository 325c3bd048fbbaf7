internal import Support
internal import SystemPackage

/// Where things may lie with respect to the home.
extension ConfigurationReader {
    /// What a run writes must not lie in the home: each run would back up the one before it.
    func checkPlaces(
        _ instance: InstanceConfig, _ repository: RepositoryConfig?, _ stores: [String: StoreConfig],
        _ snapshot: SnapshotConfig
    ) {
        let home = instance.hermesHome.lexicallyNormalized().resolvingLinks
        func check(_ place: FilePath, _ name: String, at position: SourcePosition) {
            guard place.lexicallyNormalized().resolvingLinks.starts(with: home) else { return }
            collector.report(
                "\(name), \(place.printable), lies in the home \(instance.hermesHome.printable): the backup would copy "
                    + "itself, and write to the live home; name a folder outside of it", at: position)
        }
        if let stateDirectory { check(stateDirectory, "the state directory", at: instance.position) }
        for store in stores.values.sorted(by: { $0.name < $1.name }) {
            if case .directory(let path) = store.place { check(path, "store \"\(store.name)\"", at: store.position) }
        }
        check(snapshot.output, "\"output\" of \"snapshot\"", at: instance.position)
        guard let repository else { return }
        check(repository.path, "\"path\" of \"repository\"", at: repository.position)
        let workTree = repository.path.lexicallyNormalized().resolvingLinks
        if home != workTree, home.starts(with: workTree) {
            collector.report(
                "the home \(instance.hermesHome.printable) lies in the repository \(repository.path.printable), where one "
                    + "`git clean` deletes it and one `git add` commits its secrets; name another folder as \"path\" of "
                    + "\"repository\"", at: repository.position)
        }
    }
}
