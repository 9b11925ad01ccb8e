/**
 * The words of the built-in corpus: what its twenty topics speak of and what every post may say.
 *
 * @module
 */

/** A topic's own words; posts on the topics beside it borrow them. */
export interface TopicWords {
  readonly topic: string;
  readonly nouns: readonly string[];
  readonly verbs: readonly string[];
  readonly adjectives: readonly string[];
}

function topic(name: string, nouns: string, verbs: string, adjectives: string): TopicWords {
  return {
    topic: name,
    nouns: nouns.split(" "),
    verbs: verbs.split(" "),
    adjectives: adjectives.split(" "),
  };
}

/** Twenty topics in a ring: each is akin to the one before it and the one after it. */
export const topics: readonly TopicWords[] = [
  topic(
    "cooking",
    "recipe oven pan sauce dough flour butter pepper garlic soup stew spoon kitchen supper",
    "bake boil fry stir season roast chop",
    "spicy salty crisp tender raw savoury",
  ),
  topic(
    "gardening",
    "seed bed compost rose hedge lawn shrub bulb greenhouse spade tomato herb weed blossom",
    "plant prune dig mulch sow trim water",
    "shady fragrant leafy ripe thorny evergreen",
  ),
  topic(
    "farming",
    "field barn tractor harvest wheat cattle sheep fence plough orchard pasture hay crop silo",
    "plow graze milk reap thresh fertilise herd",
    "fertile rural organic muddy fallow hardy",
  ),
  topic(
    "pets",
    "dog cat puppy kitten leash collar vet hamster parrot cage litter paw fur tail",
    "train groom pet adopt stroke scold cuddle",
    "playful furry obedient tame shy hungry",
  ),
  topic(
    "fishing",
    "trout salmon rod reel bait hook river pond lure net angler perch worm float",
    "catch cast reel land gut release troll",
    "slippery shallow murky patient scaly bony",
  ),
  topic(
    "sailing",
    "boat mast sail anchor harbour crew rudder deck keel captain buoy rope tide yacht",
    "moor steer tack hoist row drift dock",
    "choppy nautical seaworthy offshore leaky buoyant",
  ),
  topic(
    "weather",
    "rain storm cloud snow wind frost thunder forecast fog sunshine hail drought temperature breeze",
    "pour freeze thaw blow predict melt gust",
    "sunny humid chilly windy overcast icy",
  ),
  topic(
    "hiking",
    "trail summit boots backpack tent ridge valley map compass campfire slope cliff path hut",
    "climb camp trek wander descend pitch scramble",
    "steep rocky scenic remote weary alpine",
  ),
  topic(
    "cycling",
    "bicycle pedal saddle helmet chain handlebar spoke tyre peloton sprint cyclist bell rack pump",
    "pedal inflate coast overtake commute swerve ride",
    "aerodynamic wobbly rusty lightweight hilly greasy",
  ),
  topic(
    "cars",
    "engine clutch brake gearbox exhaust bumper windscreen garage diesel mechanic bonnet mileage dealer sedan",
    "drive park accelerate tow service idle honk",
    "automatic turbo dented secondhand fuel sporty",
  ),
  topic(
    "railways",
    "locomotive platform carriage signal timetable conductor station tunnel sleeper freight junction whistle track depot",
    "depart shunt board arrive couple derail transfer",
    "delayed electric punctual narrow crowded express",
  ),
  topic(
    "aviation",
    "airport pilot runway wing cockpit propeller glider passenger altitude hangar turbulence airline luggage jet",
    "fly taxi hover ascend refuel bank eject",
    "airborne supersonic bumpy nonstop pressurised foggy",
  ),
  topic(
    "space",
    "rocket orbit planet moon telescope satellite astronaut comet galaxy probe crater launch gravity meteor",
    "launch explore observe propel rotate detect collide",
    "lunar solar distant cosmic weightless interstellar",
  ),
  topic(
    "computers",
    "keyboard screen program memory disk printer network file driver processor password mouse window software",
    "install compile reboot download type click debug",
    "digital compatible corrupt portable wireless buggy",
  ),
  topic(
    "music",
    "guitar piano drum melody concert singer chord violin orchestra album rhythm song stage choir",
    "sing perform tune strum compose rehearse conduct",
    "loud acoustic melodic classical live catchy",
  ),
  topic(
    "football",
    "goal keeper striker referee penalty coach league stadium defender midfield trophy corner pitch supporter",
    "score tackle kick dribble defend equalise substitute",
    "offside unbeaten athletic promoted defensive injured",
  ),
  topic(
    "medicine",
    "doctor patient hospital fever tablet nurse surgery vaccine symptom clinic infection dose rash bandage",
    "diagnose prescribe cure heal inject swallow cough",
    "chronic sterile contagious painful allergic feverish",
  ),
  topic(
    "law",
    "court judge lawyer jury verdict contract witness trial statute appeal evidence clause fine attorney",
    "sue appeal testify convict prosecute rule settle",
    "guilty legal binding criminal civil innocent",
  ),
  topic(
    "money",
    "bank loan interest budget salary tax invoice savings pension share credit debt currency account",
    "invest borrow lend save deposit withdraw spend",
    "profitable taxable cheap bankrupt monthly financial",
  ),
  topic(
    "housing",
    "flat tenant landlord mortgage lease roof bathroom balcony ceiling plumber cellar rent stairs furniture",
    "rent renovate paint move insulate furnish decorate",
    "spacious furnished damp cosy detached vacant",
  ),
];

function words(list: string): readonly string[] {
  return list.split(" ");
}

/** Words that every topic uses. */
export const commonWords = {
  people: words(
    "brother sister friend neighbour uncle aunt cousin colleague boss teacher wife husband daughter son family " +
      "guest stranger expert beginner someone",
  ),
  things: words(
    "thing problem question answer idea reason story example picture price list place part end start " +
      "week day year morning evening moment season weekend hour choice chance mistake trouble difference rest",
  ),
  verbs: words(
    "find keep change check buy sell repair use see watch show bring leave share need try compare replace " +
      "understand explain describe remember forget avoid prefer",
  ),
  adjectives: words(
    "good bad new old big small better worse best usual simple hard easy nice strange real whole same different " +
      "wrong right perfect terrible expensive useful",
  ),
  adverbs: words(
    "often never always sometimes usually rarely again soon today yesterday tomorrow lately early late now then " +
      "here there twice once quickly slowly finally",
  ),
} as const;

/**
 * Sentence patterns. `N`, `V` and `A` stand for a noun, a verb and an adjective of the topic; `p`, `t`, `v`, `a` and
 * `d` for a common person, thing, verb, adjective and adverb; every other word is written as it stands.
 */
export const patterns: readonly string[] = [
  "does anyone know how to V the A N ?",
  "what is the a way to V this N and the N ?",
  "my p says that the N is too A to V .",
  "i have to V the N before the next t .",
  "we d v the A N and the N .",
  "the N was A , but the N was A too .",
  "is it a to V some A N ?",
  "you should V the N d , not v it .",
  "after the N you can V the A N .",
  "i think the t with the A N is a .",
  "please v the N , and V the N d .",
  "that is one a t , and the N is d A .",
  "last t my p wanted to V with the N .",
  "why would your p V that A N ?",
  "there is no a N to V for the N .",
  "they d V because of the A N .",
  "could we V the N at the N ?",
  "it took me one whole t to V that A N .",
  "thanks for the N , it was A and a .",
  "if the N is A , V another N first .",
  "her p and his p both V the same N .",
  "most of us only V the A N .",
  "so far every N has been A and a .",
  "do not V the N without your N .",
];
