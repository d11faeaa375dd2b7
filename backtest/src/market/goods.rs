//! What people sell: categories with their words, typical prices, and how their products are named.
//!
//! Prices are rough second-hand medians in dollars, set by hand; only their spread matters. Brands and models are
//! invented.

use self::Naming::{Code, Line, Short, Words};
use super::Variant;

pub struct Category {
    pub label: &'static str,
    pub nouns: &'static [&'static str],
    pub typical_price: f64,
    pub naming: Naming,
    pub variants: Option<&'static Variants>,
    pub accessories: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `WH-1000XM4`
    Code,
    /// `V8`
    Short,
    /// `Zentro 12 Pro`
    Line,
    /// `Harbor Oak`
    Words,
}

/// Steps of one property, smallest first, and what a step adds to the logarithm of the price.
pub struct Variants {
    pub steps: &'static [Variant],
    pub per_step: f64,
}

const GB: &[&str] = &["GB", " GB", "gb", " gb", "Gb", "G"];
const TB: &[&str] = &["TB", " TB", "tb", " tb"];
const INCH: &[&str] = &["\"", " inch", "in", "-inch", "\" inch", "”"];
const LITRE: &[&str] = &["L", " L", " litre", "l", " liter"];
const MM: &[&str] = &["mm", " mm", "MM"];
const WATT: &[&str] = &["W", " W", "w", " watt", " watts"];
const VOLT: &[&str] = &["V", " V", "v", " volt"];
const SEAT: &[&str] = &["-seat", " seater", " seat", "-seater"];
const QUART: &[&str] = &["qt", " qt", " quart", "-quart"];
const SIZE: &[&str] = &["", "", " size"];
const WORD: &[&str] = &[""];

const fn variant(amount: &'static str, units: &'static [&'static str]) -> Variant {
    Variant { amount, units }
}

/// Each doubling adds about a sixth; this and the other steps are assumed.
static STORAGE: Variants = Variants {
    steps: &[
        variant("32", GB),
        variant("64", GB),
        variant("128", GB),
        variant("256", GB),
        variant("512", GB),
        variant("1", TB),
    ],
    per_step: 0.15,
};
static DISK: Variants = Variants {
    steps: &[variant("500", GB), variant("1", TB), variant("2", TB), variant("4", TB), variant("8", TB)],
    per_step: 0.4,
};
static SCREEN: Variants = Variants {
    steps: &[
        variant("32", INCH),
        variant("43", INCH),
        variant("50", INCH),
        variant("55", INCH),
        variant("65", INCH),
        variant("75", INCH),
    ],
    per_step: 0.28,
};
static MONITOR: Variants = Variants {
    steps: &[variant("22", INCH), variant("24", INCH), variant("27", INCH), variant("32", INCH)],
    per_step: 0.3,
};
static LAPTOP: Variants = Variants {
    steps: &[variant("13", INCH), variant("14", INCH), variant("15.6", INCH), variant("17", INCH)],
    per_step: 0.12,
};
static WHEEL: Variants = Variants {
    steps: &[variant("24", INCH), variant("26", INCH), variant("27.5", INCH), variant("29", INCH)],
    per_step: 0.18,
};
/// Sizes of clothes hardly matter to the price.
static CLOTHES: Variants = Variants {
    steps: &[
        variant("XS", SIZE),
        variant("S", SIZE),
        variant("M", SIZE),
        variant("L", SIZE),
        variant("XL", SIZE),
    ],
    per_step: 0.02,
};
static SHOES: Variants = Variants {
    steps: &[variant("8", SIZE), variant("9", SIZE), variant("10", SIZE), variant("11", SIZE)],
    per_step: 0.02,
};
static BEDS: Variants = Variants {
    steps: &[variant("twin", WORD), variant("full", WORD), variant("queen", WORD), variant("king", WORD)],
    per_step: 0.22,
};
static SEATS: Variants = Variants {
    steps: &[variant("2", SEAT), variant("3", SEAT), variant("4", SEAT), variant("5", SEAT)],
    per_step: 0.25,
};
static VOLUME: Variants = Variants {
    steps: &[variant("20", LITRE), variant("30", LITRE), variant("45", LITRE), variant("65", LITRE)],
    per_step: 0.2,
};
static POT: Variants = Variants {
    steps: &[variant("3", QUART), variant("6", QUART), variant("8", QUART), variant("10", QUART)],
    per_step: 0.2,
};
static FOCAL: Variants = Variants {
    steps: &[variant("24", MM), variant("35", MM), variant("50", MM), variant("85", MM), variant("135", MM)],
    per_step: 0.2,
};
static POWER: Variants = Variants {
    steps: &[variant("600", WATT), variant("900", WATT), variant("1200", WATT), variant("1500", WATT)],
    per_step: 0.2,
};
static BATTERY: Variants = Variants {
    steps: &[variant("12", VOLT), variant("18", VOLT), variant("24", VOLT), variant("36", VOLT)],
    per_step: 0.25,
};
static CONNECTION: Variants =
    Variants { steps: &[variant("wifi", WORD), variant("cellular", WORD)], per_step: 0.2 };

const fn category(
    label: &'static str,
    nouns: &'static [&'static str],
    typical_price: f64,
    naming: Naming,
    variants: Option<&'static Variants>,
    accessories: &'static [&'static str],
) -> Category {
    Category { label, nouns, typical_price, naming, variants, accessories }
}

pub static CATEGORIES: [Category; 40] = [
    category("phones", &["phone", "smartphone", "cell phone"], 280.0, Line, Some(&STORAGE), PHONE),
    category("tablets", &["tablet"], 220.0, Line, Some(&STORAGE), PHONE),
    category("e-readers", &["e-reader", "ereader", "reader"], 60.0, Line, Some(&CONNECTION), PHONE),
    category("laptops", &["laptop", "notebook"], 450.0, Line, Some(&LAPTOP), DEVICE),
    category("gaming laptops", &["gaming laptop", "laptop"], 750.0, Code, Some(&LAPTOP), DEVICE),
    category("game consoles", &["console", "game console"], 230.0, Line, Some(&DISK), CONSOLE),
    category("handheld consoles", &["handheld", "console"], 180.0, Words, Some(&STORAGE), CONSOLE),
    category(
        "headphones",
        &["headphones", "headset", "noise cancelling headphones"],
        140.0,
        Code,
        None,
        PHONE,
    ),
    category("earbuds", &["earbuds", "wireless earbuds"], 70.0, Line, None, PHONE),
    category("speakers", &["speaker", "bluetooth speaker"], 90.0, Line, None, DEVICE),
    category("televisions", &["TV", "smart TV", "television"], 320.0, Code, Some(&SCREEN), TELEVISION),
    category("monitors", &["monitor", "display"], 160.0, Code, Some(&MONITOR), TELEVISION),
    category("graphics cards", &["graphics card", "GPU"], 330.0, Line, None, BOXED),
    category("cameras", &["camera", "mirrorless camera", "camera body"], 520.0, Code, None, CAMERA),
    category("camera lenses", &["lens"], 300.0, Words, Some(&FOCAL), LENS),
    category("smartwatches", &["watch", "smartwatch", "smart watch"], 150.0, Line, Some(&WATCH), PHONE),
    category("hard drives", &["hard drive", "external drive", "HDD"], 60.0, Words, Some(&DISK), BOXED),
    category("printers", &["printer", "laser printer"], 80.0, Code, None, PRINTER),
    category("drones", &["drone", "quadcopter"], 400.0, Line, None, CAMERA),
    category("vacuums", &["vacuum", "cordless vacuum", "vacuum cleaner"], 170.0, Short, None, VACUUM),
    category("robot vacuums", &["robot vacuum"], 190.0, Short, None, VACUUM),
    category("blenders", &["blender"], 110.0, Code, Some(&POWER), KITCHEN),
    category("espresso machines", &["espresso machine", "coffee machine"], 240.0, Words, None, KITCHEN),
    category("stand mixers", &["stand mixer", "mixer"], 180.0, Words, Some(&POT), KITCHEN),
    category("pressure cookers", &["pressure cooker", "multicooker"], 60.0, Line, Some(&POT), KITCHEN),
    category("sofas", &["sofa", "couch"], 380.0, Words, Some(&SEATS), SOFA),
    category("bed frames", &["bed frame", "bed"], 170.0, Words, Some(&BEDS), BED),
    category("mattresses", &["mattress"], 240.0, Words, Some(&BEDS), BED),
    category(
        "office chairs",
        &["office chair", "desk chair", "chair"],
        210.0,
        Words,
        Some(&CHAIR),
        CHAIR_PARTS,
    ),
    category("shelves", &["shelf", "bookcase", "shelving unit"], 60.0, Words, None, SHELF),
    category("desks", &["desk", "standing desk"], 190.0, Words, None, SHELF),
    category("mountain bikes", &["mountain bike", "bike", "MTB"], 650.0, Words, Some(&WHEEL), BIKE),
    category("road bikes", &["road bike", "bike", "bicycle"], 750.0, Line, Some(&CLOTHES), BIKE),
    category("strollers", &["stroller"], 200.0, Words, None, STROLLER),
    category("backpacks", &["backpack", "pack"], 90.0, Words, Some(&VOLUME), BAG),
    category("jackets", &["jacket", "rain jacket"], 95.0, Words, Some(&CLOTHES), BAG),
    category("running shoes", &["shoes", "running shoes", "sneakers"], 60.0, Line, Some(&SHOES), BAG),
    category("drills", &["drill", "cordless drill", "drill driver"], 85.0, Code, Some(&BATTERY), TOOL),
    category("guitars", &["guitar", "electric guitar"], 480.0, Words, None, GUITAR),
    category("synthesizers", &["synth", "synthesizer", "keyboard"], 560.0, Short, None, GUITAR),
];

static WATCH: Variants = Variants { steps: &[variant("41", MM), variant("45", MM)], per_step: 0.1 };
static CHAIR: Variants =
    Variants { steps: &[variant("A", SIZE), variant("B", SIZE), variant("C", SIZE)], per_step: 0.08 };

const PHONE: &[&str] = &["case", "charger", "box only", "cover", "charging cable"];
const DEVICE: &[&str] = &["charger", "power adapter", "carrying case", "box only"];
const CONSOLE: &[&str] = &["controller", "power cord", "carrying case", "dock"];
const TELEVISION: &[&str] = &["remote", "wall mount", "stand legs", "power board"];
const BOXED: &[&str] = &["box only", "bracket", "cable"];
const CAMERA: &[&str] = &["battery", "charger", "strap", "box only"];
const LENS: &[&str] = &["lens hood", "lens cap", "lens case"];
const PRINTER: &[&str] = &["toner", "ink cartridge", "paper tray"];
const VACUUM: &[&str] = &["filter", "battery", "replacement brush", "attachments"];
const KITCHEN: &[&str] = &["lid", "replacement jar", "cover", "manual"];
const SOFA: &[&str] = &["slipcover", "cushion cover", "legs"];
const BED: &[&str] = &["slats", "cover", "protector"];
const CHAIR_PARTS: &[&str] = &["casters", "armrest pads", "headrest"];
const SHELF: &[&str] = &["brackets", "shelf pins", "drawer insert"];
const BIKE: &[&str] = &["wheel", "rack", "saddle", "handlebar"];
const STROLLER: &[&str] = &["rain cover", "cup holder", "seat liner"];
const BAG: &[&str] = &["rain cover", "strap", "laces"];
const TOOL: &[&str] = &["battery", "charger", "case only"];
const GUITAR: &[&str] = &["case", "stand", "pedal", "dust cover"];

/// Brands that are everyday words as well.
pub const WORD_BRANDS: [&str; 10] = [
    "Summit",
    "Apex",
    "Nova",
    "Atlas",
    "Everest",
    "Pioneer Sun",
    "North Vale",
    "Blue Finch",
    "Origin",
    "Metro",
];
/// What models and lines are called: everyday words.
pub const MODEL_WORDS: [&str; 60] = [
    "Explorer", "Harbor", "Aurora", "Traverse", "Vista", "Cascade", "Lumen", "Orbit", "Kestrel", "Tundra",
    "Pulse", "Echo Bay", "Mirage", "Sierra", "Juno", "Falcon", "Ridge", "Breeze", "Haven", "Comet", "Quartz",
    "Meadow", "Vertex", "Zephyr", "Canyon", "Willow", "Nimbus", "Drift", "Ember", "Fjord", "Halcyon",
    "Indigo", "Jasper", "Kodiak", "Lagoon", "Marlow", "Opal", "Prairie", "Quill", "Rowan", "Sable", "Talon",
    "Umber", "Wander", "Yarrow", "Zenith", "Alcove", "Birch", "Cobalt", "Dune", "Elm", "Flint", "Garnet",
    "Heron", "Islet", "Juniper", "Kiln", "Larch", "Mistral", "Nectar",
];
/// And invented ones: a start and an end.
pub const MODEL_STARTS: [&str; 20] = [
    "Mal", "Gran", "Sol", "Brom", "Nord", "Stel", "Od", "Val", "Tarn", "Fager", "Hem", "Lin", "Ska", "Tor",
    "Ung", "Vin", "Yst", "Bil", "Klip", "Eken",
];
pub const MODEL_ENDS: [&str; 20] = [
    "vik", "by", "sund", "nes", "holm", "stad", "berg", "dal", "lund", "mark", "fors", "rud", "sta", "ven",
    "gar", "mora", "len", "tra", "kulla", "eby",
];
/// Second words of a model's name, also alone in other names.
pub const SECOND_WORDS: [&str; 12] =
    ["Oak", "II", "Plus", "Classic", "Air", "XL", "Comfort", "Sport", "Elite", "Light", "S", "One"];
/// A line's siblings, and what they add to the logarithm of the price.
pub const TRIMS: [(&[&str], f64); 7] = [
    (&[], 0.0),
    (&["Pro"], 0.32),
    (&["Pro", "Max"], 0.48),
    (&["Max"], 0.25),
    (&["Mini"], -0.22),
    (&["Plus"], 0.15),
    (&["Lite"], -0.25),
];
pub const COLOURS: [&str; 12] = [
    "black",
    "white",
    "silver",
    "space gray",
    "blue",
    "red",
    "midnight blue",
    "green",
    "navy",
    "beige",
    "gold",
    "graphite",
];
/// What sellers add, in front or behind; none says anything that the price depends on.
pub const NOISE: [&str; 30] = [
    "must go",
    "OBO",
    "like new",
    "free shipping",
    "great deal",
    "10/10 condition",
    "barely used",
    "priced to sell",
    "excellent condition",
    "works great",
    "no low balls",
    "pickup only",
    "smoke free home",
    "tested",
    "authentic",
    "moving sale",
    "retail $900",
    "paid 600",
    "2 months old",
    "w/ receipt",
    "100% working",
    "fast ship",
    "read",
    "clean",
    "gently used",
    "in original box",
    "1 owner",
    "firm",
    "LOOK",
    "today only",
];
pub const EMOJI: [&str; 6] = ["🔥", "✨", "⭐", "✅", "📱", "💥"];
/// What comes with it.
pub const EXTRAS: [&str; 5] =
    ["extras", "lots of accessories", "accessories", "extra parts", "original packaging"];
